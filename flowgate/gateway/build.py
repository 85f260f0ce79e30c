"""Build the stack of a profile: descriptions of its programs and of the files that they read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flowgate.domain import Config, Secret, Service, Sourced, Stack
from flowgate.errors import UnknownName, raise_all
from flowgate.gateway import account_inventory, cliproxy, litellm, own_modules, promises, upstream_version
from flowgate.gateway.own_modules import OwnModules
from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile

LITELLM, CLIPROXY = "litellm", "cliproxyapi_plus"


@dataclass(frozen=True, slots=True)
class BuildInputs:
    """What a stack depends on beside the config.

    Attributes:
        ports: Service → port in use, if it is not the config's (the embedded default moves to free ports).
        upstream_key: The key that LiteLLM sends to CLIProxyAPIPlus; None while it has not been generated.
        upstream_text: The text of the user's CLIProxyAPIPlus config, if its command line names one.
        accounts: Provider → accounts in use, counted in the auth folder.
        upstream_version: The version of CLIProxyAPIPlus that a start would run; empty if it is unknown.
        modules: The user's Python modules that LiteLLM's settings name.
    """

    ports: Mapping[str, int]
    upstream_key: Secret | None
    upstream_text: str | None = None
    accounts: Mapping[str, int] = field(default_factory=dict)
    upstream_version: str = ""
    modules: OwnModules = field(default_factory=OwnModules)


def build(config: Config, profile: Sourced[str], build_inputs: BuildInputs) -> Stack:
    """Build the stack of a profile; nothing is written.

    Args:
        config: The config.
        profile: The profile's name and who chose it.
        build_inputs: What the stack depends on beside the config.

    Raises:
        UnknownName: The config has no such profile.
        UsageError: The user's CLIProxyAPIPlus config is not YAML.
    """
    policy = compile_policy(config, profile.value, build_inputs)
    ports = {name: build_inputs.ports.get(name, service.port) for name, service in config.services.items()}
    services: dict[str, Service] = {
        CLIPROXY: cliproxy.service(
            config,
            ports[CLIPROXY],
            build_inputs.upstream_key,
            cliproxy.read_user_config(config, build_inputs.upstream_text),
            litellm.upstream_models(config, policy.litellm),
            policy.cliproxy,
            upstream_version.readiness_path(build_inputs.upstream_version, config.services[CLIPROXY].readiness_path),
        ),
        LITELLM: litellm.service(config, profile.value, policy.litellm, ports, build_inputs.modules.digests),
    }
    return Stack(profile=profile, services=services, models=promises.models(policy.litellm), notes=policy.changes)


def compile_policy(config: Config, profile: str, build_inputs: BuildInputs) -> Policy:
    """Compile a profile to the settings of both programs.

    Args:
        config: The config.
        profile: The profile's name.
        build_inputs: What the settings depend on beside the config.

    Raises:
        UnknownName: The config has no such profile.
        UsageError: The user's CLIProxyAPIPlus config is not YAML, or a module that the settings name is missing.
    """
    if profile not in config.profiles:
        raise UnknownName("profile", profile, known=config.profiles, at=config.place("profiles"))
    raise_all(f"profile {profile}", own_modules.faults(config, profile, build_inputs.modules.missing))
    own = cliproxy.read_user_config(config, build_inputs.upstream_text)
    accounts = account_inventory.with_keys(build_inputs.accounts, own)
    upstream = UpstreamAccounts(own, accounts, lambda entry: litellm.uses_upstream(config, entry["litellm_params"]))
    return compile_profile(config.litellm_base, config.profiles[profile], upstream)


def start_order(stack: Stack) -> list[list[str]]:
    """Group the services by start order: a group starts, in parallel, once the one before is ready.

    Source: `depends_on` in the config, which the reader has checked for cycles.
    """
    left = dict(stack.services)
    done: set[str] = set()
    found: list[list[str]] = []
    while left:
        group = [name for name, service in left.items() if set(service.after) <= done]
        found.append(group)
        done.update(group)
        for name in group:
            del left[name]
    return found
