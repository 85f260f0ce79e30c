"""Tables and sentences for people, made from the result of a rehearsal. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from statistics import median

from flowgate.rehearsal.comparisons import BROKEN, KEPT
from flowgate.rehearsal.result import ProfileResult, PromiseResult, RehearsalResult, ScenarioResult
from flowgate.rehearsal.roles import PRIMARY

PROMISE_HEADER = ["scenario", "promise", "promised", "observed", "verdict"]
ERROR = "error"  # in place of the role that answered
SCENARIO_HEADER = ["scenario", "answered by", "first", "later", "attempts", "primary back"]


def heading(profile: ProfileResult) -> str:
    """Return one line on the stack, the requested model, the roles and the time scale."""
    stack = "LiteLLM alone" if profile["litellm_only"] else f"LiteLLM through {profile['upstream']}"
    stack = f"the gateway at {against(profile)}" if against(profile) else _fleet(profile) + stack
    roles = ", ".join(f"{role}: {model}" for model, role in profile["roles"].items())
    return (
        f"{profile['profile']}: {stack}. Requested model: {profile['model']} ({roles}). "
        f"{_times(profile['scale'])} "
        f"Took {profile['seconds']} s."
    )


def _fleet(profile: ProfileResult) -> str:
    """Return a phrase about several gateways; empty for one."""
    if (count := gateways(profile)) == 1:
        return ""
    return f"{count} gateways with {'a Redis server' if profile['redis'] else 'nothing'} in common, each "


def gateways(profile: ProfileResult) -> int:
    """Return how many gateways were rehearsed together; a result of an earlier FlowGate does not say it."""
    return profile.get("gateways", 1)


def against(profile: ProfileResult) -> str:
    """Return the URL of the deployed gateway; empty for a private copy, and in a result of an earlier FlowGate."""
    return profile.get("against", "")


def not_exercised(profile: ProfileResult) -> Mapping[str, str]:
    """Return what was not seen from outside, and why; empty in a result of an earlier FlowGate."""
    return profile.get("not_exercised", {})


def _times(scale: float) -> str:
    if scale == 1:
        return "LiteLLM's times are the full ones."
    return f"LiteLLM's times are shortened: 1 s here is {1 / scale:.3g} s in operation."


def promise_table(profile: ProfileResult, *, every: bool) -> list[list[str]]:
    """Return a header and one row for each promise in each scenario; nothing if there is no row.

    Args:
        profile: The rehearsed profile.
        every: Also those that were kept.
    """
    rows = [
        [one["scenario"], one["promise"], one["promised"], one["observed"], one["verdict"]]
        for one in profile["promises"]
        if every or one["verdict"] != KEPT
    ]
    return [PROMISE_HEADER, *rows] if rows else []


def left_out(profile: ProfileResult) -> str:
    """Return one sentence on the promises that `promise_table` leaves out: those that were kept; empty for none."""
    total = len(profile["promises"])
    kept = sum(one["verdict"] == KEPT for one in profile["promises"])
    if not kept:
        return ""
    which = f"the other {kept}" if kept < total else f"all {kept}"
    said = f"{which} promises were kept" if kept > 1 else "the other promise was kept"
    return f"{said if total > 1 else 'the promise was kept'}; --verbose lists every promise"


def scenario_table(profile: ProfileResult) -> list[list[str]]:
    """Return a header and one row for each scenario."""
    return [SCENARIO_HEADER, *map(_scenario_row, profile["scenarios"])]


def _scenario_row(scenario: ScenarioResult) -> list[str]:
    first, *later = (request["seconds"] for request in scenario["requests"])
    return [
        scenario["scenario"],
        answers(scenario),
        f"{first:.2f} s",
        f"{median(later):.2f} s" if later else "",
        attempts(scenario),
        return_time(scenario),
    ]


def notes(profile: ProfileResult) -> list[str]:
    """Return one sentence for each repetition and each omission."""
    name = profile["profile"]
    repeated = [one["scenario"] for one in profile["scenarios"] if one["runs"] > 1]
    found = [
        f"{name}: '{one}' took too long, so it was repeated alone; the table shows the repetition" for one in repeated
    ]
    found += [f"{name}: '{one}' was left out: {why}" for one, why in profile["omitted_scenarios"].items()]
    if profile["omitted_settings"]:
        copy = "deployed rehearsal" if against(profile) else "private copy"
        found.append(f"{name}: settings left out of the {copy}: {', '.join(profile['omitted_settings'])}")
    found += [f"{name}: not exercised: {one} ({why})" for one, why in not_exercised(profile).items()]
    return found


def answers(scenario: ScenarioResult) -> str:
    """Return how many requests each role answered, and how many ended with an error."""
    return _counts(request["answered_by"] or ERROR for request in scenario["requests"])


def attempts(scenario: ScenarioResult) -> str:
    """Return how many attempts arrived at each role."""
    return _counts(attempt["role"] for attempt in scenario["attempts"])


def _counts(names: Iterable[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(names).items())


def return_time(scenario: ScenarioResult) -> str:
    """Return how long after the fault the primary served again; empty if the fault did not end."""
    ended = scenario["fault_ended_at"]
    if ended is None:
        return ""
    last = scenario["requests"][-1]
    if last["at"] < ended or last["answered_by"] != PRIMARY:
        return "never"
    return f"after {last['at'] + last['seconds'] - ended:.1f} s"


def broken_promises(promises: Iterable[PromiseResult]) -> list[PromiseResult]:
    """Return the broken promises."""
    return [promise for promise in promises if promise["verdict"] == BROKEN]


def promise_text(promise: PromiseResult) -> str:
    """Return a promise and what was observed, as one phrase."""
    return f"{promise['promise']}: promised {promise['promised']}, observed {promise['observed']}"


def counted(promises: int, kept: int, broken: int) -> str:
    """Return one phrase on the verdicts of a rehearsal; all that show them use it.

    Args:
        promises: How many promises were compared, in all scenarios.
        kept: Those that were kept.
        broken: Those that were broken; the others cannot be kept, or what was promised is unknown.
    """
    parts = [f"{kept} of {promises} promise{'' if promises == 1 else 's'} kept"]
    others = promises - kept - broken
    if broken or others:
        parts.append(f"{broken or 'none'} broken")
    if others:
        parts.append(f"{others} cannot be kept or judged")
    return ", ".join(parts)


def conclusion(result: RehearsalResult) -> str:
    """Return one sentence: how many promises are kept, or the first broken one and the number of others."""
    broken = [(_name(one), promise) for one in result["profiles"] for promise in broken_promises(one["promises"])]
    if not broken:
        names = ", ".join(_name(one) for one in result["profiles"])
        verdicts = [promise["verdict"] for one in result["profiles"] for promise in one["promises"]]
        return f"{names}: {counted(len(verdicts), verdicts.count(KEPT), 0) if verdicts else 'no scenario ran'}"
    name, promise = broken[0]
    others = f"; {len(broken) - 1} more broken" if len(broken) > 1 else ""
    return f"{name} breaks a promise in scenario '{promise['scenario']}': {promise_text(promise)}{others}"


def _name(profile: ProfileResult) -> str:
    return profile["profile"] + on_gateways(gateways(profile))


def on_gateways(count: int) -> str:
    """Return " on 2 gateways"; empty for one."""
    return f" on {count} gateways" if count > 1 else ""
