"""Kubernetes: a kustomize base, and an overlay for each profile."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from flowgate.export import gateway_config, haproxy, southbound_config
from flowgate.export.gateway_config import STATE, Southbound, Variable
from flowgate.export.plan import Address, Plan
from flowgate.export.refusals import leaves
from flowgate.export.templates import render
from flowgate.gateway import cliproxy, litellm

SOUTHBOUND = Southbound(f"https://flowgate-southbound:{southbound_config.PORT}", "/etc/flowgate-southbound/ca.crt")
SOUTHBOUND_STATE = "/var/lib/cliproxyapi"
TLS = "/etc/southbound-tls"
LEAVE_SECONDS = 15  # until every node has learned that a pod leaves its Service
GATEWAY_PORT = 4000
MIB = 2**20
LEAST_LIMIT_MIB = 1536  # twice what one worker with its fork server and a second worker were measured to hold


def files(plan: Plan) -> dict[str, str]:
    """Return the files, by their paths in the target folder.

    Args:
        plan: The export.
    """
    southbound = SOUTHBOUND if plan.has_southbound else None
    config = gateway_config.tree(plan.config, GATEWAY_PORT, southbound, plan.redis)
    values = _values(plan, config)
    made = {
        "README.md": render("kubernetes/README.md", **values),
        "base/kustomization.yaml": render("kubernetes/base-kustomization.yaml", **values),
        "base/flowgate.yaml": gateway_config.text(config),
        "base/haproxy.cfg": haproxy.config(
            plan, f"*:{haproxy.PORT}", [Address("127.0.0.1", GATEWAY_PORT)], str(values["readiness"]), checks=False
        ),
        "base/gateway.yaml": render("kubernetes/gateway.yaml", **values),
        "base/network.yaml": render("kubernetes/network.yaml", **values),
        "examples/external-secret.yaml": render("kubernetes/external-secret.yaml", **values),
    }
    if plan.remote_ca:
        made[f"base/{gateway_config.CA}"] = plan.remote_ca
    if plan.has_southbound:
        made["base/southbound.yaml"] = render("kubernetes/southbound.yaml", **values)
    for one in plan.profiles:
        folder = f"overlays/{one.name}"
        made[f"{folder}/kustomization.yaml"] = render(
            "kubernetes/overlay-kustomization.yaml", profile=one.name, has_southbound=plan.has_southbound
        )
        if plan.has_southbound:
            made[f"{folder}/southbound.yaml"] = southbound_config.text(
                one.southbound, host="", state=SOUTHBOUND_STATE, tls=TLS
            )
    return made


def _values(plan: Plan, config: Mapping[str, object]) -> dict[str, object]:
    own = plan.config.services["litellm"]
    found = gateway_config.variables(config)
    names = secret_names(plan, found)
    return {
        "images": plan.images,
        "variables": found,
        "secret_names": list(names),
        "optional_names": [name for name, required in names.items() if not required],
        "profiles": [one.name for one in plan.profiles],
        "readiness": own.readiness_path or litellm.READINESS,
        "liveness": own.health_path or litellm.LIVENESS,
        "longest_seconds": plan.longest_seconds,
        "grace_seconds": plan.grace_seconds,
        "leave_seconds": LEAVE_SECONDS,
        "startup_seconds": int(own.ready_timeout) + 60,
        "memory_limit": f"{memory_limit_mib(own.max_memory)}Mi",
        "gateways": plan.gateways,
        "state": STATE,
        "proxy_port": haproxy.PORT,
        "has_southbound": plan.has_southbound,
        "southbound_tls": plan.has_southbound,
        "southbound_port": southbound_config.PORT,
        "southbound_readiness": plan.southbound_readiness,
        "southbound_state": SOUTHBOUND_STATE,
        "program": plan.southbound_program,
        "fill": southbound_config.FILL,
        "tls": TLS,
        "redis": plan.redis,
        "config_files": ["flowgate.yaml", *([gateway_config.CA] if plan.remote_ca else [])],
        "ports": ports(config),
    }


def secret_names(plan: Plan, variables: tuple[Variable, ...]) -> dict[str, bool]:
    """Return the keys of the Secret, each with whether it is required.

    Args:
        plan: The export.
        variables: What the gateway's settings refer to.
    """
    found = {one.name: one.required for one in variables}
    return found | ({cliproxy.MANAGEMENT_KEY: False} if plan.has_southbound else {})


def ports(config: Mapping[str, object]) -> list[int]:
    """Return the ports that the gateway needs to reach: 443, and those of the addresses in its config.

    Args:
        config: The exported config.
    """
    found = {443}
    for path, value in leaves(config, ""):
        if path.endswith(".redis_port") and str(value).isdigit():
            found.add(int(str(value)))
        if not isinstance(value, str) or "://" not in value or value.startswith(SOUTHBOUND.url):
            continue
        try:
            parts = urlsplit(value)
            found.add(parts.port or {"http": 80, "redis": 6379, "rediss": 6379}.get(parts.scheme, 443))
        except ValueError:  # LiteLLM reports it
            continue
    return sorted(found)


def memory_limit_mib(max_memory: int | None) -> int:
    """Return a gateway's limit: a worker at its own limit, and the one that takes over from it.

    Args:
        max_memory: Bytes above which a worker is replaced; None for no limit.
    """
    return max(LEAST_LIMIT_MIB, 2 * (max_memory or 0) // MIB + 512)
