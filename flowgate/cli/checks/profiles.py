"""Whether the profiles can keep what they promise, seen from both programs' files."""

from __future__ import annotations

from collections.abc import Iterator

from flowgate.cli.checks import finding, runtime
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Office
from flowgate.context import Reach
from flowgate.errors import Refusal, gather
from flowgate.gateway import build, cliproxy, litellm, preflight

CHECK = "profiles"


def profiles(office: Office) -> Iterator[Finding]:
    """Check every profile: fallbacks, keys, times, and the models that CLIProxyAPIPlus lists while it runs."""
    reach = runtime.looking(office, [])
    ground, served = reach.ground(), _served(reach)
    for name in office.config.profiles:
        policy = build.settle(office.config, name, ground)
        try:
            gather(f"profile {name}", preflight.faults(office.config, name, policy))
        except Refusal as refusal:
            yield from finding.refused(CHECK, refusal)
            continue
        show = f"inv profile.show --name {name}"
        doubts = preflight.warnings(office.config, name, policy)
        if served is not None:
            lost = preflight.missing(litellm.southbound(office.config, policy.litellm), served)
            doubts += [f"CLIProxyAPIPlus lists no model {one}; inv auth.login brings a provider's" for one in lost]
        for line in doubts:
            yield Finding(CHECK, "warn", f"{name}: {line}", show)
        if not doubts:
            one = policy.budget
            said = f"{name}: {policy.bench} benches; attempts at one vendor for one question: {one.vendor} at most"
            yield Finding(CHECK, "pass", said)


def _served(reach: Reach) -> list[str] | None:
    """List the models of the CLIProxyAPIPlus that runs; None when none does, or when it does not say."""
    running = reach.keeper.generation(cliproxy.NAME)
    key = reach.key(cliproxy.UPSTREAM_KEY)
    if running is None or key is None:
        return None
    url = f"http://{running['host']}:{running['port']}/v1/models"
    try:
        answer = reach.http.get(url, headers={"Authorization": key.bearer()})
        listed = answer.json().get("data") if answer.ok else None
        return [str(one["id"]) for one in listed] if isinstance(listed, list) else None
    except (Refusal, AttributeError, KeyError, TypeError):  # `health` says what is wrong with it
        return None
