"""Compose: several gateways behind an HAProxy on one host, in one network namespace as in a pod."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from flowgate.export import gateway_config, haproxy, southbound_config
from flowgate.export.gateway_config import REDIS_PASSWORD, STATE, Southbound
from flowgate.export.kubernetes import SOUTHBOUND_STATE, memory_limit_mib
from flowgate.export.plan import Address, Plan, ProfileFacts
from flowgate.export.templates import render
from flowgate.gateway import litellm
from flowgate.gateway.environment import KEY_FILES

FIRST_PORT = 4001  # of the gateways, each on loopback in the shared network namespace
LEAVE_SECONDS = 2  # between the last new request of a gateway and its SIGTERM
REDIS = Address("127.0.0.1", 6379)
SOUTHBOUND = Southbound(f"http://127.0.0.1:{southbound_config.PORT}")


class SecretFile(NamedTuple):
    """A file with a key.

    Attributes:
        name: The variable.
        file: The file's name, by which FlowGate finds it below `secrets/`.
    """

    name: str
    file: str


def files(plan: Plan) -> dict[str, str]:
    """Return the files, by their paths in the target folder.

    A file that is the same under every profile lies above the profiles: a switch then leaves its container alone.

    Args:
        plan: The export.
    """
    projects = {one.name: _project(plan, one) for one in plan.profiles}
    shared = _shared(list(projects.values()))
    made = {path: text for project in projects.values() for path, text in project.items() if path in shared}
    for one in plan.profiles:
        own = {path: text for path, text in projects[one.name].items() if path not in shared}
        made |= {f"{one.name}/{path}": text for path, text in own.items()}
        made[f"{one.name}/compose.yaml"] = _compose(plan, one, _Files(projects[one.name], shared, "../"))
    return {
        "README.md": render("compose/README.md", secrets=_secrets(plan), has_southbound=plan.has_southbound),
        **made,
    }


def _shared(projects: Sequence[Mapping[str, str]]) -> set[str]:
    first, *others = projects
    return {path for path, text in first.items() if all(other.get(path) == text for other in others)}


@dataclass(frozen=True, slots=True)
class _Files:
    """The files that the containers of a project mount.

    Attributes:
        texts: Their texts, by their paths.
        shared: The paths of those that lie in another folder.
        folder: That folder, as the project names it.
    """

    texts: Mapping[str, str]
    shared: Collection[str] = ()
    folder: str = ""

    def source(self, path: str) -> str:
        """Return how the project names a file."""
        return (self.folder if path in self.shared else "./") + path

    def digest(self, *paths: str) -> str:
        """Return a digest of the files of one container: Compose replaces it only if its own settings change."""
        return sha256("".join(self.texts.get(path, "") for path in paths).encode()).hexdigest()[:16]


def _project(plan: Plan, profile: ProfileFacts) -> dict[str, str]:
    made = _front(plan, [_config(plan, server.port) for server in _servers(plan)])
    if plan.has_southbound:
        settings = profile.southbound
        made["southbound.yaml"] = southbound_config.text(settings, host=REDIS.host, state=SOUTHBOUND_STATE)
    if plan.remote_ca:
        made[gateway_config.CA] = plan.remote_ca
    if plan.redis is None:
        made["redis.conf"] = render("compose/redis.conf", redis_port=REDIS.port)
    return made


def _front(plan: Plan, configs: Sequence[Mapping[str, object]]) -> dict[str, str]:
    """Return the config of each gateway, and what stands before them."""
    proxy = haproxy.config(plan, f"*:{haproxy.PORT}", _servers(plan), _readiness(plan))
    announce = render("compose/announce.template", admin_port=haproxy.ADMIN_PORT, leave_seconds=LEAVE_SECONDS)
    return {
        "announce.py": announce,
        "haproxy.cfg": proxy,
        **{f"gateway-{number}/flowgate.yaml": gateway_config.text(one) for number, one in enumerate(configs, 1)},
    }


def _servers(plan: Plan) -> list[Address]:
    return [Address("127.0.0.1", FIRST_PORT + index) for index in range(plan.gateways)]


def _readiness(plan: Plan) -> str:
    return plan.config.services["litellm"].readiness_path or litellm.READINESS


def rehearsal_project(plan: Plan, profile: str, values: Mapping[str, object]) -> dict[str, str]:
    """Return the project of a gateway that is deployed to be rehearsed; its Redis is its own.

    Args:
        plan: Its export: the config has stand-ins as vendors.
        profile: Its profile.
        values: What the template needs of the stand-ins.
    """
    [facts] = [one for one in plan.profiles if one.name == profile]
    configs = [gateway_config.tree(plan.config, server.port, None, None) for server in _servers(plan)]
    made = _front(plan, configs)
    if values["redis"]:
        made["redis.conf"] = render("compose/redis.conf", redis_port=REDIS.port)
    return {"compose.yaml": _compose(plan, facts, _Files(made), values), **made}


def _compose(
    plan: Plan,
    profile: ProfileFacts,
    mounted: _Files,
    stand_ins: Mapping[str, object] | None = None,
) -> str:
    own = plan.config.services["litellm"]
    return render(
        "compose/compose.yaml",
        profile=profile.name,
        gateways=_servers(plan),
        files=mounted,
        images=plan.images,
        secrets=stand_ins["secrets"] if stand_ins else _secrets(plan),
        stand_ins=stand_ins,
        has_southbound=plan.has_southbound,
        ca=gateway_config.CA if plan.remote_ca else "",
        own_redis=bool(stand_ins["redis"]) if stand_ins else plan.redis is None,
        redis_secret=KEY_FILES[litellm.MASTER_KEY] if stand_ins else "redis-password",
        redis_port=REDIS.port,
        readiness=_readiness(plan),
        longest_seconds=plan.longest_seconds,
        grace_seconds=plan.grace_seconds,
        startup_seconds=int(own.ready_timeout) + 60,
        memory_limit=f"{memory_limit_mib(own.max_memory)}m",
        state=STATE,
        proxy_port=haproxy.PORT,
        marker=southbound_config.KEY_MARKER,
        program=plan.southbound_program,
        southbound_state=SOUTHBOUND_STATE,
        southbound_port=southbound_config.PORT,
        southbound_readiness=plan.southbound_readiness,
    )


def _config(plan: Plan, port: int) -> dict[str, object]:
    southbound = SOUTHBOUND if plan.has_southbound else None
    return gateway_config.tree(plan.config, port, southbound, plan.redis or REDIS)


def _secrets(plan: Plan) -> list[SecretFile]:
    names = {one.name for one in gateway_config.variables(_config(plan, FIRST_PORT))}
    names |= {REDIS_PASSWORD} if plan.redis is None else set()
    return secret_files(names)


def secret_files(names: set[str]) -> list[SecretFile]:
    """Return the files with the values of variables, sorted.

    Args:
        names: The variables.
    """
    return [SecretFile(name, KEY_FILES.get(name, name.lower().replace("_", "-"))) for name in sorted(names)]
