"""A policy as sentences for people."""

from __future__ import annotations

from flowgate.gateway import litellm_behaviour, promises, worker_promises
from flowgate.gateway.model_names import ID, MODEL, PATTERN, ModelNames, Name
from flowgate.gateway.own_cooldowns import own_cooldowns
from flowgate.gateway.policy import CLIPROXY, Policy
from flowgate.gateway.promises import Promises
from flowgate.gateway.setting_placement import TIMEOUT_FAILS
from flowgate.gateway.unmodelled import unmodelled

LONGEST_MINUTES = 100  # from then on, a duration is given in hours
NOT_CONTINUED = "LiteLLM cannot continue a stream on another model after its first chunk; the client gets an error"
CONTINUED = (
    "a chat stream of plain text that breaks off is continued by a fallback that supports assistant prefill; any other "
    "stream that breaks off is not, and the client gets an error"
)
LITELLM_LIMITS = (
    "LiteLLM cannot put a model into cooldown whose streams begin and then stay silent; each request waits for its "
    "time-out before the fallback",
    "LiteLLM uses no fallback for a /v1/responses stream that falls silent; the client gets an error",
    "LiteLLM reports a /v1/messages stream of an OpenAI-compatible provider that falls silent as a 5xx, so the retries "
    "after a 5xx apply to it",
)
UPSTREAM_LIMITS = ("CLIProxyAPIPlus cannot put an account into cooldown whose vendor is silent or unreachable",)
KINDS = {"refusal": "a 5xx", "429": "a 429", "timeout": "a time-out", "401": "a 401", "404": "a 404"}


def describe(policy: Policy) -> list[str]:
    """Describe what a profile promises, one sentence each; of unknown values nothing is promised."""
    found = policy.promises
    if policy.unknown:
        return [f"unknown: {one}" for one in policy.unknown] + ["nothing is promised until these variables are set"]
    lines = [_attempts(found), *_cooldowns(policy), *_fallbacks(policy), *_names(policy)]
    request, stream = seconds(found.request_timeout), seconds(found.stream_timeout)
    lines.append(f"one attempt may take {request}; a stream may be silent for {stream}")
    lines.append(
        f"a client waits at most {seconds(found.waits.refused)} if every model refuses at once, "
        f"{seconds(found.waits.quiet)} if no model responds, and {seconds(found.waits.bound)} if every attempt fails "
        "just before its time-out and asks for a pause of 1 min"
    )
    lines += [f"unknown: {', '.join(one.topics)}; {one.setting} changes it" for one in unmodelled(policy.litellm)]
    lines += worker_promises.describe_redis(policy)
    limits = [_continuation(policy), *LITELLM_LIMITS, *(UPSTREAM_LIMITS if policy.cooldowns_by == CLIPROXY else ())]
    lines += [one for one in policy.client_facts if one not in policy.changes]
    return [*lines, _budget(policy), *policy.upstream_facts, *limits]


def _continuation(policy: Policy) -> str:
    router: dict[str, object] = dict(policy.litellm.get("router_settings") or {})
    can = litellm_behaviour.holds(litellm_behaviour.CONTINUATION, policy.declared.version)
    return CONTINUED if can and router.get("enable_mid_stream_fallback_continuation") is True else NOT_CONTINUED


def _attempts(found: Promises) -> str:
    retried = {kind: count for kind, count in found.retries.items() if count}
    if not retried:
        return "one attempt on one model per request, no retries"
    retries = ", ".join(f"{_count(count, 'retry', 'retries')} after {KINDS[kind]}" for kind, count in retried.items())
    never = [name for kind, name in KINDS.items() if kind not in retried]
    return (
        f"up to {found.attempts} attempts on one model per request: {retries}; no retry after {', '.join(never)}"
        if never
        else f"up to {found.attempts} attempts on one model per request: {retries}"
    )


def _cooldowns(policy: Policy) -> list[str]:
    found, who = policy.promises, f"{policy.cooldowns_by} applies cooldowns: {policy.why}"
    if policy.cooldowns_by == CLIPROXY:
        return [
            who,
            _upstream_cooldown(policy.upstream_cooldown),
            "LiteLLM applies neither retries nor cooldowns to models that go through CLIProxyAPIPlus",
        ]
    own = _own_cooldowns(policy)
    if found.cooldown_after is None:
        return ["no cooldowns: during an outage every request makes all attempts", *own]
    length, count = seconds(found.cooldown_seconds), found.cooldown_after
    start = "its first failed request" if count == 1 else f"its {_nth(count)} failed request within {length}"
    timeouts = ((policy.litellm.get("router_settings") or {}).get("allowed_fails_policy") or {}).get(TIMEOUT_FAILS)
    if isinstance(timeouts, int) and timeouts + 1 != count:
        start += f" or its {_nth(timeouts + 1)} time-out"
    attempts = _count(found.attempts_per_minute, "attempt", "attempts")
    return [
        who,
        f"a model goes into cooldown at {start}, for {length} or as long as the vendor's Retry-After says",
        f"successive requests make at most {attempts} per minute on a failed model",
        *worker_promises.describe(policy),
        *own,
    ]


def _own_cooldowns(policy: Policy) -> list[str]:
    """Describe the cooldowns of models whose deployments have settings of their own."""
    lines = []
    for model, own in own_cooldowns(policy.litellm).items():
        found = policy.promises.of_model(own)
        if own.counted_by:
            lines.append(f"unknown: when {model} goes into cooldown; {own.counted_by} of its deployments decides it")
        elif own.seconds == 0:
            lines.append(f"{model} never goes into cooldown: its own cooldown_time is 0")
        elif own.seconds is not None and found.cooldown_after is not None:
            attempts = _count(found.attempts_per_minute, "attempt", "attempts")
            lines.append(
                f"{model} stays in cooldown for {seconds(own.seconds)} (its own cooldown_time), whatever the vendor's "
                f"Retry-After says: at most {attempts} per minute"
            )
    return lines


def _upstream_cooldown(length: float | None) -> str:
    if length is None:
        return "no account goes into cooldown after a 5xx (transient-error-cooldown-seconds)"
    return f"an account goes into cooldown at its first 5xx, for {'1 min' if length == 60 else seconds(length)}"


def _fallbacks(policy: Policy) -> list[str]:
    found = policy.promises
    lines = [f"{name} uses {', then '.join(order)}" for name, order in found.orders.items()]
    for name, targets in found.fallbacks.items():
        source = "any other model" if name == "*" else name
        if targets:
            lines.append(f"if {source} fails, the request goes to {', then '.join(targets)}")
        else:
            lines.append(f"{source} has no fallback; if it fails, the client gets the error")
    lines += _depth(policy)
    return lines or ["no model has a fallback; if it fails, the client gets the error"]


def _depth(policy: Policy) -> list[str]:
    """Name the fallbacks that LiteLLM does not reach, because it follows them only so deep."""
    found = promises.fallbacks(policy.litellm)
    if found.limit < 1:
        return ["max_fallbacks: 0 switches all fallbacks off"] if found.lists else []
    cut = {one.name: names for one in ModelNames(policy.litellm).names() if (names := found.cut_off(one.routed))}
    return [
        f"a request for {name} never reaches {', '.join(names)}: LiteLLM stops {found.limit} steps deep (max_fallbacks)"
        for name, names in cut.items()
    ]


def _names(policy: Policy) -> list[str]:
    """Describe the names that clients may ask for beside the models, and what holds for them only."""
    names, found = ModelNames(policy.litellm), policy.promises.fallbacks
    fallbacks = promises.fallbacks(policy.litellm)
    others = [f"{one.name} ({_kind(one, names)})" for one in names.names() if one.answer.kind != MODEL]
    lines = [f"clients may also ask for {', '.join(others)}"] if others else []
    if names.ids and policy.promises.cooldown_after is not None:
        lines.append(
            f"a deployment that is asked for by its id ({', '.join(names.ids)}) is called during its cooldown too"
        )
    if not found or "*" in found:
        return lines
    for pattern in names.patterns:
        own = [name for name in found if (answer := names.resolve(name)) and answer.group == pattern]
        except_for = f", except {', '.join(own)}" if own else ""
        lines.append(f"names that match {pattern} have no fallback{except_for}")
    asked = dict.fromkeys(one["litellm_params"]["model"] for one in policy.litellm.get("model_list", ()))
    if without := [name for name in asked if "*" not in name and name not in names.models and not fallbacks.of(name)]:
        lines.append(f"a model that is asked for by its provider's name ({without[0]}) has no fallback")
    return lines


def _kind(one: Name, names: ModelNames) -> str:
    target = names.library_aliases.get(one.name) or names.aliases.get(one.name) or one.answer.group
    if one.answer.kind == PATTERN and one.name == one.answer.group:
        return "pattern"
    if one.name in names.library_aliases or one.name in names.aliases:
        return f"alias of {target}"
    return f"{one.answer.kind} of {target}" if one.answer.kind == ID else one.answer.kind


def _budget(policy: Policy) -> str:
    one = policy.budget
    north, whole = f"{_count(one.north, 'attempt', 'attempts')} (LiteLLM)", f"{one.whole} over all models"
    if not policy.cliproxy:  # the gateway has no CLIProxyAPIPlus
        return f"retry budget: {north} at one vendor per request, {whole}"
    return (
        f"retry budget: {north} x {_count(one.south, 'round', 'rounds')} (CLIProxyAPIPlus) x "
        f"{_count(one.accounts, 'account', 'accounts')} = {one.vendor} at one vendor per request, {whole}"
    )


def _count(count: int, singular: str, plural: str) -> str:
    return f"{count} {singular if count == 1 else plural}"


def _nth(count: int) -> str:
    return {1: "first", 2: "second", 3: "third"}.get(count, f"{count}th")


def seconds(length: float) -> str:
    """Format a duration in seconds."""
    if length >= 120:
        minutes, rest = divmod(round(length), 60)
        hours, minutes = divmod(minutes, 60) if minutes >= LONGEST_MINUTES else (0, minutes)
        parts = ((hours, "h"), (minutes, "min"), (rest, "s"))
        return " ".join(f"{count} {unit}" for count, unit in parts if count)
    return f"{length:g} s"
