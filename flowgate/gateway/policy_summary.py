"""A policy in words."""

from __future__ import annotations

from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises
from flowgate.gateway.setting_placement import TIMEOUT_FAILS

NOT_KEPT = (
    "LiteLLM cannot: take up a stream that breaks off after its first piece; the client gets an error",
    "LiteLLM cannot: bench a model whose streams begin and stay silent; each waits its time before the fallback",
)

SOUTH_CANNOT = ("CLIProxyAPIPlus cannot: bench an account whose vendor is silent or cannot be reached",)


def describe(policy: Policy) -> list[str]:
    """Say what a profile promises, one sentence each."""
    found = policy.promises
    lines = [_attempts(found), _benched(policy), *_fallbacks(found)]
    request, stream = seconds(found.request_timeout), seconds(found.stream_timeout)
    lines.append(f"one attempt may take {request}; a stream may be silent for {stream}")
    lines.append(
        f"a client waits at most {seconds(found.waits.refused)} when everybody refuses at once and "
        f"{seconds(found.waits.quiet)} when nobody answers; with every attempt failing just before its time-out and "
        f"asking for a minute's pause, {seconds(found.waits.bound)}"
    )
    return [*lines, _budget(policy), *NOT_KEPT, *(SOUTH_CANNOT if policy.cooldowns_by == CLIPROXY else ())]


def _attempts(found: Promises) -> str:
    tried = {kind: count for kind, count in found.retries.items() if count}
    names = {"refusal": "a 5xx", "429": "a 429", "timeout": "a time-out"}
    if not tried:
        return "a question is put to one model once"
    again = ", ".join(f"{names[kind]} {times(count)} more" for kind, count in tried.items())
    never = [name for kind, name in names.items() if kind not in tried]
    return (
        f"a question is put to one model {times(found.attempts)} at most: after {again}; "
        f"after {', '.join([*never, 'a 401, a 403, a 404'])} not again"
    )


def _benched(policy: Policy) -> str:
    found, who = policy.promises, policy.cooldowns_by
    if policy.cooldowns_by == CLIPROXY:
        return (
            f"{who} benches an account at its first 5xx for 1 min, and asks the next one ({policy.why}); "
            "for what is asked through it, LiteLLM neither retries nor benches"
        )
    if found.cooldown_after is None:
        return "LiteLLM benches nobody: in an outage every question pays all attempts"
    bench, count = seconds(found.cooldown_seconds), found.cooldown_after
    when = "its first question that fails" if count == 1 else f"its {_nth(count)} question that fails within {bench}"
    alone = ((policy.litellm.get("router_settings") or {}).get("allowed_fails_policy") or {}).get(TIMEOUT_FAILS)
    when += f", or its {_nth(alone + 1)} time-out" if isinstance(alone, int) else ""
    return (
        f"{who} benches a model at {when}, for {bench} or as long as the vendor's Retry-After says ({policy.why}); "
        f"questions one after another ask a dead one {times(found.attempts_per_minute)} a minute at most"
    )


def _fallbacks(found: Promises) -> list[str]:
    lines = [f"{name} is answered by {', then '.join(order)}" for name, order in found.orders.items()]
    lines += [f"when {name} fails, {', then '.join(targets)}" for name, targets in found.fallbacks.items()]
    return lines or ["no model has a fallback: when it fails, the client is told so"]


def _budget(policy: Policy) -> str:
    one = policy.budget
    accounts = f"{one.accounts} account{'s' if one.accounts > 1 else ''}"
    return (
        f"retry budget: {one.north} (LiteLLM) x {one.south} (CLIProxyAPIPlus) x {accounts} = {one.vendor} at one "
        f"vendor for one question, {one.whole} over all that it may go through"
    )


def _nth(count: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(count, f"{count}th")


def seconds(length: float) -> str:
    """Write a length of time."""
    if length >= 120:
        whole, rest = divmod(round(length), 60)
        return f"{whole} min {rest} s" if rest else f"{whole} min"
    return f"{length:g} s"


def times(count: int) -> str:
    """Write how often."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
