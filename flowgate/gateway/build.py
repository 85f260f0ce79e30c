"""Build the stack of a profile: descriptions of its programs and of the files that they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMEnvironment, LiteLLMSettings, Secret, Service, Sourced, Stack
from flowgate.errors import UnknownName, raise_all
from flowgate.gateway import (
    account_inventory,
    client_names,
    cliproxy,
    deployment_names,
    litellm,
    mistyped_references,
    own_address,
    own_modules,
    private_ca,
    promises,
    recorded_promises,
    request_rules,
    setting_values,
    shared_state,
    unlisted_models,
    upstream_command,
    upstream_deployments,
    upstream_environment,
    upstream_overrides,
    upstream_policy,
    upstream_settings,
    upstream_version,
    usable_values,
    version_warnings,
    worker_counts,
    worker_promises,
)
from flowgate.gateway.litellm_declarations import Declarations, of_installed
from flowgate.gateway.model_names import ID, PATTERN, ModelNames
from flowgate.gateway.own_modules import OwnModules
from flowgate.gateway.policy import Policy, UpstreamAccounts, compile_profile
from flowgate.gateway.unknown_values import unknown
from flowgate.gateway.upstream_settings import OwnSettings

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
        declared: What LiteLLM declares about its settings.
        litellm: The environment from which LiteLLM runs; None for the one that came with FlowGate.
        variables: The variables that the settings refer to and that are set.
        unnamed_config: A CLIProxyAPIPlus config that the program would read if it were started by hand, and that its
            command line does not name; empty if there is none.
        certificates: What LiteLLM trusts; empty for the usual CAs.
    """

    ports: Mapping[str, int]
    upstream_key: Secret | None
    upstream_text: str | None = None
    accounts: Mapping[str, int] = field(default_factory=dict)
    upstream_version: str = ""
    modules: OwnModules = field(default_factory=OwnModules)
    declared: Declarations = field(default_factory=of_installed)
    variables: Mapping[str, Secret] = field(default_factory=dict)
    unnamed_config: str = ""
    certificates: str = ""
    litellm: LiteLLMEnvironment | None = None


def build(config: Config, profile: Sourced[str], build_inputs: BuildInputs) -> Stack:
    """Build the stack of a profile; nothing is written.

    Args:
        config: The config.
        profile: The profile's name and who chose it.
        build_inputs: What the stack depends on beside the config.

    Raises:
        UnknownName: The config has no such profile.
        UsageError: The user's CLIProxyAPIPlus config, or the program's command line, cannot be used.
    """
    policy = compile_policy(config, profile.value, build_inputs)
    own = replace(own_settings(config, build_inputs), notes=list(policy.notes), warnings=list(policy.warnings))
    ports = {name: build_inputs.ports.get(name, service.port) for name, service in config.services.items()}
    services: dict[str, Service] = {}
    if cliproxy.is_configured(config):
        services[CLIPROXY] = cliproxy.service(
            config,
            ports[CLIPROXY],
            build_inputs.upstream_key,
            own,
            upstream_deployments.upstream_models(config, policy.litellm),
            policy.cliproxy,
            upstream_version.readiness_path(build_inputs.upstream_version, config.services[CLIPROXY].readiness_path),
        )
    services[LITELLM] = request_rules.added(
        litellm.service(
            config, profile.value, policy.litellm, ports, build_inputs.modules.digests, build_inputs.litellm
        ),
        request_rules.compute(config, policy.litellm, client_names.of_profile(config, profile.value)),
    )
    services[LITELLM] = recorded_promises.added(services[LITELLM], policy)
    services[LITELLM] = private_ca.trusting(config, services[LITELLM], build_inputs.certificates)
    names = ModelNames(policy.litellm)
    requestable = tuple(one.name for one in names.names() if one.answer.kind not in (PATTERN, ID))
    return Stack(
        profile=profile,
        services=services,
        models=promises.models(policy.litellm),
        notes=policy.changes,
        listed=names.listed(),
        requestable=requestable,
        through_upstream=_through_upstream(config, policy.litellm, requestable),
    )


def _through_upstream(config: Config, settings: LiteLLMSettings, requestable: Sequence[str]) -> tuple[str, ...]:
    """Return the names that CLIProxyAPIPlus answers; first those whose fallbacks it answers too."""
    found: dict[bool, list[str]] = {True: [], False: []}
    for name, path in promises.paths(settings).items():
        served = [upstream_deployments.uses_upstream(config, entry["litellm_params"]) for entry in path]
        if name in requestable and served and served[0]:
            found[all(served)].append(name)
    return (*found[True], *found[False])


def compile_policy(config: Config, profile: str, build_inputs: BuildInputs) -> Policy:
    """Compile a profile to the settings of both programs.

    Args:
        config: The config.
        profile: The profile's name.
        build_inputs: What the settings depend on beside the config.

    Raises:
        UnknownName: The config has no such profile.
        UsageError: The user's CLIProxyAPIPlus config, its command line or a value in the settings cannot be used.
    """
    read = _read_settings(config, profile, build_inputs)
    own = own_settings(config, build_inputs)
    accounts = {} if config.remote else account_inventory.with_keys(build_inputs.accounts, own.settings)
    upstream = UpstreamAccounts(
        own.settings,
        accounts,
        lambda entry: upstream_deployments.uses_upstream(config, entry["litellm_params"]),
        line := upstream_version.line(build_inputs.upstream_version),
    )
    asked = client_names.of_profile(config, profile)
    policy = compile_profile(read.base, read.profile, upstream, build_inputs.declared.version, asked)
    policy = worker_promises.applied(policy, worker_counts.workers(config), build_inputs.declared.version)
    policy = _completed(config, policy, upstream, build_inputs.declared)
    if not cliproxy.is_configured(config):
        return upstream_policy.without_own(config, policy, read.changes, build_inputs.declared)
    version, usage = build_inputs.upstream_version, config.ledger.enabled
    added = upstream_overrides.additions(own, accounts, version, logs=not cliproxy.is_embedded(config), usage=usage)
    notes = [*own.notes, *upstream_overrides.changes(config, cliproxy.auth_folder(config), own)]
    return replace(
        policy,
        cliproxy=overlay(policy.cliproxy, added.settings),
        changes=(*read.changes, *policy.changes, *added.changes, *notes, *upstream_overrides.kept_keys(own)),
        unknown=tuple(unknown(policy.litellm)),
        notes=tuple(notes),
        warnings=(*own.warnings, *added.warnings),
        declared=build_inputs.declared,
        upstream_facts=upstream_policy.facts_of_own(config, policy.litellm, version, line),
    )


def _completed(config: Config, policy: Policy, upstream: UpstreamAccounts, declared: Declarations) -> Policy:
    """Complete what LiteLLM does not know about models and about other gateways, and say it."""
    policy = shared_state.completed(config, policy)
    added = unlisted_models.complete(policy.litellm, upstream.serves, declared.has_model)
    refused = unlisted_models.refused(policy.litellm, upstream.serves, declared.has_model)
    return replace(policy, changes=(*policy.changes, *added), client_facts=(*added, *refused))


def _read_settings(config: Config, profile: str, build_inputs: BuildInputs) -> setting_values.ReadSettings:
    """Read LiteLLM's settings under a profile; raise an error for each that cannot be used."""
    if profile not in config.profiles:
        raise UnknownName("profile", profile, known=config.profiles, at=config.place("profiles"))
    read = setting_values.read(config, profile, build_inputs.declared, build_inputs.variables)
    wrong = [
        *version_warnings.faults(build_inputs.declared.version),
        *own_modules.faults(config, profile, build_inputs.modules.missing),
        *read.faults,
        *mistyped_references.faults(config, profile, build_inputs.variables),
        *deployment_names.faults(config, profile, read, build_inputs.declared),
        *usable_values.faults(config, profile, read, build_inputs.declared),
        *upstream_deployments.faults(config, profile, build_inputs.variables),
        *own_address.faults(config, profile, build_inputs.variables),
    ]
    raise_all(f"profile {profile}", wrong)
    return read


def own_settings(config: Config, build_inputs: BuildInputs) -> OwnSettings:
    """Read the program's command line and the user's own CLIProxyAPIPlus config.

    Args:
        config: The config.
        build_inputs: What was read.

    Raises:
        UsageError: A flag or a setting cannot be used.
    """
    line = upstream_version.line(build_inputs.upstream_version)
    command = upstream_command.read(config, line)
    wrong = [] if cliproxy.is_embedded(config) else upstream_environment.faults(config)
    raise_all(f"services.{CLIPROXY}", [*command.faults, *wrong])
    found = OwnSettings()
    if build_inputs.upstream_text is not None:
        file = command.own_config or config.root / "cliproxyapi.yaml"
        found = upstream_settings.read(build_inputs.upstream_text, file, line)
    notes = [*command.notes, *upstream_environment.notes(config)]
    if build_inputs.unnamed_config:
        place = config.place(f"services.{CLIPROXY}.command.args")
        what = f"{build_inputs.unnamed_config} is not read, because no -config names it"
        notes.append(f"{what} ({place})")
    return replace(found, notes=[*notes, *found.notes])


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
