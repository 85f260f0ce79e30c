"""Checks of the profiles: fallbacks, keys, timeouts, cooldowns, and the models that CLIProxyAPIPlus serves."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli.checks import finding, runtime
from flowgate.cli.checks.finding import Finding
from flowgate.cli.checks.upstream import MODELS_SECONDS
from flowgate.cli.session import Session
from flowgate.context import StepContext
from flowgate.errors import FlowGateError, raise_all
from flowgate.gateway import build, cliproxy, preflight, upstream_deployments

CHECK = "profiles"


def profiles(session: Session) -> Iterator[Finding]:
    """Check each profile of the config."""
    context = runtime.read_only_context(session, [])
    build_inputs, served = context.build_inputs(), _served_models(context)
    for name in session.config.profiles:
        try:
            policy = build.compile_policy(session.config, name, build_inputs)
            raise_all(f"profile {name}", preflight.faults(session.config, name, policy))
        except FlowGateError as error:
            yield from finding.error_findings(CHECK, error)
            continue
        warnings = [*policy.unknown, *preflight.warnings(session.config, name, policy)]
        if served is not None:
            requested = upstream_deployments.upstream_models(session.config, policy.litellm)
            unserved = preflight.unserved_models(requested, served)
            warnings += [f"CLIProxyAPIPlus serves no model {one}; log in to its provider" for one in unserved]
        for line in warnings:
            yield Finding(CHECK, "warn", f"{name}: {line}", f"inv profile.show --name {name}")
        if not warnings:
            attempts = f"attempts at one vendor for a request: at most {policy.budget.vendor}"
            yield Finding(CHECK, "pass", f"{name}: {policy.cooldowns_by} applies cooldowns; {attempts}")


def _served_models(context: StepContext) -> list[str] | None:
    """Return the models of the running CLIProxyAPIPlus; None if it is not running or returns no list."""
    running = context.supervisor.generation(cliproxy.NAME)
    key = context.key(cliproxy.UPSTREAM_KEY)
    if running is None or key is None:
        return None
    url = f"http://{running['host']}:{running['port']}/v1/models"
    try:
        response = context.http.get(url, headers={"Authorization": key.bearer()}, timeout=MODELS_SECONDS)
        listed = response.json().get("data") if response.ok else None
        return [str(one["id"]) for one in listed] if isinstance(listed, list) else None
    except (FlowGateError, AttributeError, KeyError, TypeError):  # `health` reports what is wrong with it
        return None
