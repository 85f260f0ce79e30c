"""Errors in a profile and between the two programs' settings, found before anything starts."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches
from itertools import pairwise
from urllib.parse import urlsplit

from flowgate.config.litellm_section import SECTION_OF
from flowgate.domain import Config, LiteLLMSettings
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import (
    budgets,
    client_names,
    cliproxy,
    deployment_names,
    known_keys,
    litellm,
    litellm_keys,
    litellm_runner,
    name_checks,
    promises,
    request_limits,
    runner_flags,
    upstream_deployments,
    version_warnings,
    worker_counts,
)
from flowgate.gateway.fallback_walk import Fallbacks, depth_limit
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.gateway.model_names import ModelNames
from flowgate.gateway.policy import Policy
from flowgate.gateway.policy_summary import seconds

CLIENT_TIMEOUT = 600.0  # default of the OpenAI and Anthropic SDKs
SIMILARITY = 0.8


def faults(config: Config, profile: str, policy: Policy) -> list[FlowGateError]:
    """List the errors in a profile: settings that LiteLLM ignores, and fallbacks that cannot work.

    Args:
        config: The config.
        profile: The profile's name.
        policy: The compiled profile.
    """
    settings = _Settings(config, profile, policy.declared)
    found = [fault for fault, certain in settings.unknown_keys() if certain]
    if litellm_runner.uses_runner(config):
        found += runner_flags.faults(config)
    found += [*worker_counts.faults(config), *request_limits.faults(config)]
    names = name_checks.NameChecks(policy.litellm, settings.place)
    asked = client_names.faults(config, profile, policy.litellm)
    return [*found, *budgets.faults(config), *asked, *names.faults(), *_cycles(settings, policy.litellm)]


def warnings(config: Config, profile: str, policy: Policy) -> list[str]:
    """List what is doubtful in a profile, one sentence each.

    Args:
        config: The config.
        profile: The profile's name.
        policy: The compiled profile.
    """
    settings = _Settings(config, profile, policy.declared)
    found = [str(fault) for fault, certain in settings.unknown_keys() if not certain]
    judged = [] if policy.unknown else [*_timeouts(config, policy), *_multiplied_retries(policy)]
    return [
        *found,
        *name_checks.NameChecks(policy.litellm, settings.place).warnings(),
        *client_names.warnings(config, profile, policy.litellm),
        *_wrong_keys(config, policy.litellm),
        *deployment_names.warnings(policy.litellm, policy.declared),
        *version_warnings.warnings(policy.litellm, policy.declared.version),
        *_other_program(config),
        *judged,
        *_paid_checks(settings, policy.litellm),
    ]


def unserved_models(requested: Collection[str], served: Collection[str]) -> list[str]:
    """Return the models that LiteLLM requests from CLIProxyAPIPlus and that it does not list."""
    return [name for name in requested if name not in served]


class _Settings:
    """A profile's settings and the base's, as written, with the lines of their keys."""

    def __init__(self, config: Config, profile: str, declared: Declarations) -> None:
        self.config, self.profile, self.declared = config, profile, declared

    def place(self, *paths: str) -> str:
        """Return the place of the first path that is set; the profile has precedence over the base."""
        for root in (f"profiles.{self.profile}", "litellm_base"):
            for path in paths:
                if f"{root}.{path}" in self.config.places:
                    return self.config.place(f"{root}.{path}")
        return self.config.place(f"profiles.{self.profile}")

    def unknown_keys(self) -> Iterator[tuple[FlowGateError, bool]]:
        """Find keys that LiteLLM ignores.

        Returns:
            Each error, and whether it is certain: the known keys were read and are complete, or one is similar.
        """
        config, declared = self.config, self.declared
        roots = {"litellm_base": config.litellm_base, f"profiles.{self.profile}": config.profiles[self.profile]}
        for root, tree in roots.items():
            for section in known_keys.SECTIONS:
                settings: object = tree
                for part in section.split("."):
                    settings = settings.get(part) if isinstance(settings, dict) else None
                for key in settings if isinstance(settings, dict) else ():
                    if not known_keys.is_known(section, str(key), declared):
                        yield _unknown_key(section, str(key), declared, config.place(f"{root}.{section}.{key}"))


def _unknown_key(section: str, key: str, declared: Declarations, place: str) -> tuple[FlowGateError, bool]:
    readable, known = known_keys.is_readable(section, declared), known_keys.names(section, declared)
    what = f"LiteLLM {declared.version} has no setting '{section}.{key}'".replace("  ", " ")
    if not readable:
        what = f"whether LiteLLM {declared.version} knows '{section}.{key}' is not known: its source cannot be read"
        return UsageError(what.replace("  ", " "), place=place), False
    if elsewhere := _section_of(section, key):
        fix = f"LiteLLM reads it from {elsewhere}: write it there"
        return UsageError(what, fix=fix, place=place), True
    meant = litellm_keys.MEANT.get(key) if section == "router_settings" else None
    similar = [meant] if meant else get_close_matches(key, known, n=1, cutoff=SIMILARITY)
    certain = bool(similar) or section.endswith(known_keys.COMPLETE)
    if similar:
        fix = f"did you mean '{similar[0]}'? LiteLLM ignores unknown names"
    else:
        fix = "LiteLLM ignores it; remove it" if certain else "LiteLLM may ignore it"
    return UsageError(what, fix=fix, place=place), certain


def _section_of(section: str, key: str) -> str:
    """Return the section that a setting belongs to, if it is written in another one; else an empty string."""
    return SECTION_OF.get(key, "") if section in SECTION_OF.values() and SECTION_OF.get(key) != section else ""


def _cycles(where: _Settings, settings: LiteLLMSettings) -> Iterator[FlowGateError]:
    router = settings.get("router_settings") or {}
    names = ModelNames(settings)
    for key in promises.LISTS:
        lists = {name: targets for name, targets in promises.chains(router, key).items() if name != "*"}
        at = where.place(f"router_settings.{key}", f"litellm_settings.{key}")
        own = next((name for name, targets in lists.items() if name in targets), "")
        found = [own, own] if own else next(Fallbacks(lists, depth_limit(router)).repeated(names), [])
        if found:
            fix = "remove one of these steps: a failed model would get the request again"
            yield UsageError(f"{key} form a loop: {' → '.join(found)}", place=at, fix=fix)


def _wrong_keys(config: Config, settings: LiteLLMSettings) -> Iterator[str]:
    """Find deployments that send CLIProxyAPIPlus another key than it accepts, or its key to another server."""
    key = litellm.PREFIX + (config.remote.key if config.remote else cliproxy.UPSTREAM_KEY)
    upstream = config.services.get(cliproxy.NAME)
    for entry in settings.get("model_list", ()):
        params, name = entry["litellm_params"], entry["model_name"]
        if str(params.get("api_base") or "").startswith(litellm.PREFIX):
            continue  # not known yet
        if upstream_deployments.uses_upstream(config, params):
            if params.get("api_key") != key:
                yield (
                    f"{name} sends CLIProxyAPIPlus another key than {key}: unless it is the same key, the response is "
                    "401"
                )
        elif upstream and params.get("api_key") == key:
            base = urlsplit(str(params.get("api_base") or "")).netloc or "the vendor"
            yield f"{name} sends CLIProxyAPIPlus' key to {base}; CLIProxyAPIPlus is at {upstream.host}:{upstream.port}"


def _other_program(config: Config) -> Iterator[str]:
    """Find what a program other than FlowGate's runner will not know: the profile, and the port."""
    service = config.services[litellm.NAME]
    if litellm_runner.uses_runner(config):
        return
    place, words = config.place(f"services.{litellm.NAME}.command.args"), service.args[1:]
    if not any(litellm.names_active_config(config, word) for word in (*words, *service.env.values())):
        yield (
            f"whether {service.args[0]} gets the profile is not known: no word of its command line is the active "
            f"config; write --config {config.paths.active_config} ({place})"
        )
    for word, following in pairwise((*words, "")):
        flag, equals, value = word.partition("=")
        port = value if equals else following
        if flag == "--port" and port != str(service.port):
            yield f"LiteLLM is started with --port {port}, but services.{litellm.NAME}.port is {service.port} ({place})"


def _paid_checks(where: _Settings, settings: LiteLLMSettings) -> Iterator[str]:
    """Find health checks that cost money.

    Source: LiteLLM 1.106.2, proxy_server.py: it calls every model each `health_check_interval` (300 s).
    """
    if (settings.get("general_settings") or {}).get("background_health_checks"):
        at = where.place("general_settings.background_health_checks", "general_settings")
        yield f"background_health_checks makes LiteLLM call every model again and again, which costs money ({at})"


def _timeouts(config: Config, policy: Policy) -> Iterator[str]:
    found = policy.promises
    drain = config.services[litellm.NAME].drain_timeout
    if found.stream_timeout > found.request_timeout:
        yield (
            f"a stream may be silent for {seconds(found.stream_timeout)}, longer than a whole response may take "
            f"({seconds(found.request_timeout)})"
        )
    if promises.LIBRARY_TIMEOUT > found.request_timeout > drain:
        yield (
            f"a response may take {seconds(found.request_timeout)}, but an old generation drains for {seconds(drain)} "
            "only (services.litellm.drain_timeout) and then cuts it off"
        )
    if found.request_timeout < promises.LIBRARY_TIMEOUT and found.waits.quiet > CLIENT_TIMEOUT:
        yield (
            f"a client may wait {seconds(found.waits.quiet)} if no model responds; most clients give up after "
            f"{seconds(CLIENT_TIMEOUT)}: lower timeout, or set retry_policy.TimeoutErrorRetries to 0"
        )


def _multiplied_retries(policy: Policy) -> Iterator[str]:
    rounds, timeout = policy.budget.south, policy.promises.request_timeout
    if rounds < 2:
        return
    yield (
        f"retries multiply: {policy.budget.north} attempts of LiteLLM, each with up to {rounds} rounds of "
        "CLIProxyAPIPlus (request-retry); set request-retry to 0"
    )
    pause: object = policy.cliproxy.get("max-retry-interval")
    if isinstance(pause, int) and pause * (rounds - 1) >= timeout:
        yield (
            f"CLIProxyAPIPlus may pause {pause} s before each of its retries (max-retry-interval), longer than "
            f"LiteLLM's time-out of {seconds(timeout)}"
        )
