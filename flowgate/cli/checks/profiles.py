"""Whether the profiles can keep what they promise, seen from both programs' files."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli.checks import finding, runtime
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.context import StepContext
from flowgate.errors import FlowGateError, raise_all
from flowgate.gateway import build, cliproxy, litellm, preflight

CHECK = "profiles"


def profiles(session: Session) -> Iterator[Finding]:
    """Check every profile: fallbacks, keys, times, and the models that CLIProxyAPIPlus lists while it runs."""
    context = runtime.read_only_context(session, [])
    build_inputs, served = context.build_inputs(), _served(context)
    for name in session.config.profiles:
        policy = build.compile_policy(session.config, name, build_inputs)
        try:
            raise_all(f"profile {name}", preflight.faults(session.config, name, policy))
        except FlowGateError as error:
            yield from finding.error_findings(CHECK, error)
            continue
        show = f"inv profile.show --name {name}"
        doubts = preflight.warnings(session.config, name, policy)
        if served is not None:
            lost = preflight.unserved_models(litellm.upstream_models(session.config, policy.litellm), served)
            doubts += [f"CLIProxyAPIPlus lists no model {one}; inv auth.login brings a provider's" for one in lost]
        for line in doubts:
            yield Finding(CHECK, "warn", f"{name}: {line}", show)
        if not doubts:
            one = policy.budget
            message = (
                f"{name}: {policy.cooldowns_by} benches; attempts at one vendor for one question: {one.vendor} at most"
            )
            yield Finding(CHECK, "pass", message)


def _served(context: StepContext) -> list[str] | None:
    """List the models of the CLIProxyAPIPlus that runs; None when none does, or when it does not say."""
    running = context.supervisor.generation(cliproxy.NAME)
    key = context.key(cliproxy.UPSTREAM_KEY)
    if running is None or key is None:
        return None
    url = f"http://{running['host']}:{running['port']}/v1/models"
    try:
        answer = context.http.get(url, headers={"Authorization": key.bearer()})
        listed = answer.json().get("data") if answer.ok else None
        return [str(one["id"]) for one in listed] if isinstance(listed, list) else None
    except (FlowGateError, AttributeError, KeyError, TypeError):  # `health` says what is wrong with it
        return None
