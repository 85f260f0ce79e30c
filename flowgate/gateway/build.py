"""Build the stack of one profile: every program and every file, on paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowgate.domain import Config, Secret, Service, Sourced, Stack
from flowgate.errors import UnknownName
from flowgate.gateway import account_inventory, cliproxy, litellm, upstream_version
from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile

LITELLM, CLIPROXY = "litellm", "cliproxyapi_plus"


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """What a stack stands on, beside its config.

    Attributes:
        ports: Service → the port in use, where it differs from the config's (the embedded default moves to free
            ones).
        upstream_key: The key LiteLLM shows to CLIProxyAPIPlus; None while it has not been generated.
        upstream_text: The text of the user's own CLIProxyAPIPlus config, when its command line names one.
        accounts: Provider → accounts in use, counted in the auth folder.
        upstream_version: Of the CLIProxyAPIPlus that a start would run; empty when nobody knows.
    """

    ports: Mapping[str, int]
    upstream_key: Secret | None
    upstream_text: str | None = None
    accounts: Mapping[str, int] = field(default_factory=dict)
    upstream_version: str = ""


def build(config: Config, profile: Sourced[str], build_inputs: BuildInputs) -> Stack:
    """Build the stack of a profile.

    Returns:
        The programs to run and the documents they read; nothing is written.

    Raises:
        FlowGateError: What `settle` fails with.
    """
    policy = compile_policy(config, profile.value, build_inputs)
    ports = {name: build_inputs.ports.get(name, service.port) for name, service in config.services.items()}
    tree = policy.litellm
    services: dict[str, Service] = {
        CLIPROXY: cliproxy.service(
            config,
            ports[CLIPROXY],
            build_inputs.upstream_key,
            cliproxy.read_user_config(config, build_inputs.upstream_text),
            litellm.upstream_models(config, tree),
            policy.cliproxy,
            upstream_version.readiness_path(build_inputs.upstream_version, config.services[CLIPROXY].readiness_path),
        ),
        LITELLM: litellm.service(config, profile.value, tree, ports),
    }
    models = tuple(dict.fromkeys(entry["model_name"] for entry in tree.get("model_list", ())))
    return Stack(profile=profile, services=services, models=models, notes=policy.changes)


def compile_policy(config: Config, profile: str, build_inputs: BuildInputs) -> Policy:
    """Compile a profile to the settings of both programs.

    Raises:
        UnknownName: A profile the config does not have.
        UsageError: A CLIProxyAPIPlus config that is no YAML.
    """
    if profile not in config.profiles:
        raise UnknownName("profile", profile, known=config.profiles, at=config.place("profiles"))
    own = cliproxy.read_user_config(config, build_inputs.upstream_text)
    there = account_inventory.with_keys(build_inputs.accounts, own)
    south = UpstreamAccounts(own, there, lambda entry: litellm.uses_upstream(config, entry.get("litellm_params") or {}))
    return compile_profile(config.litellm_base, config.profiles[profile], south)


def start_order(stack: Stack) -> list[list[str]]:
    """Order the services: each wave may start at the same time, once the one before is ready.

    Source: `depends_on` in the config, which `settings` has checked for cycles
    """
    left = dict(stack.services)
    done: set[str] = set()
    found: list[list[str]] = []
    while left:
        wave = [name for name, service in left.items() if set(service.after) <= done]
        found.append(wave)
        done.update(wave)
        for name in wave:
            del left[name]
    return found
