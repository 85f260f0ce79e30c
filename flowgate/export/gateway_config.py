"""The config of an exported gateway: the user's, with other addresses and paths, and nothing of this machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from flowgate.config.overlay import overlay
from flowgate.domain import Config, RemoteUpstream
from flowgate.domain.budgets import WARN, WARN_AT, Budget
from flowgate.domain.secret_names import REFERENCE
from flowgate.export.plan import Address
from flowgate.export.refusals import leaves, uses_southbound
from flowgate.gateway import cliproxy, litellm
from flowgate.gateway.serialization import dump

STATE = "/var/lib/flowgate"  # a folder of the container that it may write; `secrets` in it holds the keys as files
CONFIG_FOLDER = "/etc/flowgate"  # of the container
CA = "southbound-ca.pem"  # beside the config, where a remote CLIProxyAPIPlus has a private CA
REDIS_PASSWORD = "REDIS_PASSWORD"  # noqa: S105 - the name of a variable
KEPT = ("ready_timeout", "drain_timeout", "hold_timeout", "restart", "max_memory")


@dataclass(frozen=True, slots=True)
class Southbound:
    """The CLIProxyAPIPlus that the gateways share.

    Attributes:
        url: Its address.
        ca: The file with the certificate of its CA; empty for the public CAs.
    """

    url: str
    ca: str = ""


class Variable(NamedTuple):
    """A variable that the gateway's settings refer to.

    Attributes:
        name: Its name.
        required: Every profile needs it.
    """

    name: str
    required: bool


def tree(config: Config, port: int, southbound: Southbound | None, redis: Address | None) -> dict[str, object]:
    """Return the exported config as plain data.

    Args:
        config: The user's config.
        port: The port of the gateway.
        southbound: The shared CLIProxyAPIPlus; None for none.
        redis: The shared Redis; None for none.
    """
    made: dict[str, object] = {
        "config_version": 2,
        "paths": {"runtime_dir": f"{STATE}/runtime"},
        "services": _services(config, port, southbound),
        "litellm_base": _readdressed(config, _with_redis(config.litellm_base, redis), southbound),
    }
    if config.model_names:
        made["model_names"] = dict(config.model_names)
    made["profiles"] = {name: _profile(config, name, southbound) for name in config.profiles}
    ledger = config.ledger
    made["ledger"] = {"enabled": ledger.enabled, "keep_days": ledger.keep_days, "max_mb": ledger.max_mb}
    if config.budgets:
        made["budgets"] = {one.name: _budget(one) for one in config.budgets}
    if config.vars:
        made["vars"] = dict(config.vars)
    return made


def text(made: Mapping[str, object]) -> str:
    """Return the exported config as YAML."""
    return "# Written by `flowgate export`. Change your own config and export again.\n" + dump(made)


def variables(made: Mapping[str, object]) -> tuple[Variable, ...]:
    """Return the variables that an exported config refers to, sorted by name.

    Args:
        made: The exported config.
    """
    found: dict[str, bool] = {litellm.MASTER_KEY: True}
    for path, value in leaves(made, ""):
        if isinstance(value, str) and value.startswith(REFERENCE):
            name = value.removeprefix(REFERENCE)
            found[name] = found.get(name, False) or not path.startswith(".profiles.")
    return tuple(Variable(*item) for item in sorted(found.items()))


def _services(config: Config, port: int, southbound: Southbound | None) -> dict[str, object]:
    own = config.services["litellm"]
    gateway = {"port": port, **{name: getattr(own, name) for name in KEPT if getattr(own, name) is not None}}
    if own.env:
        gateway["env"] = dict(own.env)
    services: dict[str, object] = {"litellm": gateway}
    if southbound is not None:
        remote = {"remote": southbound.url, "key": REFERENCE + cliproxy.UPSTREAM_KEY}
        services[cliproxy.NAME] = remote | ({"ca": southbound.ca} if southbound.ca else {})
    elif config.remote is not None:
        services[cliproxy.NAME] = _remote(config.remote)
    return services


def _remote(remote: RemoteUpstream) -> dict[str, object]:
    made: dict[str, object] = {"remote": remote.url, "key": REFERENCE + remote.key}
    if remote.ca is not None:
        made["ca"] = f"{CONFIG_FOLDER}/{CA}"
    if remote.management_key:
        made["management_key"] = REFERENCE + remote.management_key
    if remote.allow_http:
        made["allow_http"] = True
    return made


def _profile(config: Config, name: str, southbound: Southbound | None) -> dict[str, object]:
    made = _readdressed(config, config.profiles[name], southbound)
    names = config.own_model_names.get(name)
    return {"model_names": dict(names), **made} if names else made


def _with_redis(settings: Mapping[str, object], redis: Address | None) -> Mapping[str, object]:
    if redis is None:
        return settings
    router = settings.get("router_settings")
    own = router if isinstance(router, Mapping) else {}
    kept = {name: value for name, value in own.items() if name != "redis_url"}
    password = kept.get("redis_password") or REFERENCE + REDIS_PASSWORD
    shared = {"redis_host": redis.host, "redis_port": redis.port, "redis_password": password}
    return {**settings, "router_settings": {**kept, **shared}}


def _readdressed(config: Config, settings: Mapping[str, object], southbound: Southbound | None) -> dict[str, object]:
    """Return settings in which the deployments of CLIProxyAPIPlus name its new address."""
    made: dict[str, object] = dict(overlay(settings, {}))
    models = made.get("model_list")
    for entry in models if isinstance(models, list) and southbound else ():
        params = entry["litellm_params"]
        if uses_southbound(config, params.get("api_base")):
            path = "/" + str(params["api_base"]).partition("://")[2].partition("/")[2]
            params["api_base"] = southbound.url + path.rstrip("/") if southbound else params["api_base"]
            params["api_key"] = REFERENCE + cliproxy.UPSTREAM_KEY
    return made


def _budget(budget: Budget) -> dict[str, object]:
    defaults = Budget(budget.name, warn_at=WARN_AT, then=WARN)
    pairs = budget._asdict().items()
    kept = {name: value for name, value in pairs if name != "name" and value != getattr(defaults, name)}
    if budget.profile:
        kept.pop("then", None)
    return kept
