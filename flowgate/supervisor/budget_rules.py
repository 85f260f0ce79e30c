"""When a limit is reached, and which profile is in force because of it; pure.

A limit that is reached stays so until its period ends, or until the config has a higher one. Of several reached limits
with a profile, the first one in the config decides. A switch that a person has undone is not made again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from flowgate.domain.budget_state import BudgetState, LimitState, Switch
from flowgate.domain.budgets import Limit, period, shown_end

MOST_TRIES = 5
What = Literal["warned", "exhausted", "ended", "switching", "switched", "switched_back", "overruled", "failed"]


class BudgetEvent(NamedTuple):
    """Something that happened.

    Attributes:
        what: Its name, which is the `result` of the event.
        detail: One sentence.
    """

    what: What
    detail: str


def judge(state: BudgetState, limits: Sequence[Limit], spent: Mapping[str, float], now: float) -> list[BudgetEvent]:
    """Bring the limits up to date.

    Args:
        state: What was known; it is changed.
        limits: The limits of the config, in its order.
        spent: Limit's id → what counts for it; a missing one is not known now.
        now: Seconds since 1970.

    Returns:
        What happened.
    """
    events = []
    known = {limit.id for limit in limits}
    for name in [one for one in state.limits if one not in known]:
        if state.limits.pop(name).exhausted:
            events.append(BudgetEvent("ended", f"{name} is not in the config any more"))
    for limit in limits:
        events += _judge_one(state, limit, spent.get(limit.id), now)
    return events


def _judge_one(state: BudgetState, limit: Limit, spent: float | None, now: float) -> list[BudgetEvent]:
    events = []
    found, fresh = state.limits.get(limit.id), _fresh(limit, now)
    if found is None or found.until <= now or found.client != fresh.client:
        if found is not None and found.exhausted:
            events.append(BudgetEvent("ended", f"{limit.id}: its period has ended ({shown_end(found.until)})"))
        found = fresh
    elif found.amount != fresh.amount or found.act != fresh.act:
        if found.exhausted and fresh.amount > found.amount:
            events.append(BudgetEvent("ended", f"{limit.id}: the config has a higher limit"))
            found = fresh
        found.amount, found.act, found.words = fresh.amount, fresh.act, fresh.words
    state.limits[limit.id] = found
    if spent is None:
        return events
    figures = f"{limit.shown(spent)} of {limit.shown(limit.amount)} until {shown_end(found.until)}{_about(limit)}"
    if spent >= limit.amount and not found.exhausted:
        found.exhausted, found.warned = now, True
        events.append(BudgetEvent("exhausted", f"{limit.id}: {figures}; {limit.budget.consequence}"))
    elif spent >= limit.amount * limit.budget.warn_at / 100 and not found.warned:
        found.warned = True
        events.append(BudgetEvent("warned", f"{limit.id}: {figures}"))
    return events


def _fresh(limit: Limit, now: float) -> LimitState:
    budget = limit.budget
    words = f"{limit.kind} of {limit.shown(limit.amount)}"
    return LimitState(budget.client, budget.act, words, limit.amount, period(limit.kind, now).until)


def _about(limit: Limit) -> str:
    return f" (client {limit.budget.client})" if limit.budget.client else ""


def follow(
    state: BudgetState, limits: Sequence[Limit], in_force: str, *, has_switched: bool = False
) -> list[BudgetEvent]:
    """Note what has become of the last switch.

    Args:
        state: What is known; it is changed.
        limits: The limits of the config.
        in_force: The profile that serves.
        has_switched: The command that switches has just succeeded.
    """
    switch = state.switch
    if switch is None:
        return []
    if in_force == switch.to and not switch.done:
        switch.done, switch.tries = True, 0
        if switch.to == switch.home:
            state.switch = None
            return [BudgetEvent("switched_back", f"from {switch.before} back to {switch.to}")]
        return [BudgetEvent("switched", f"from {switch.before} to {switch.to}")]
    if in_force in ((switch.to,) if switch.done or has_switched else (switch.to, switch.before)):
        return []
    overrule(state, limits)
    return [BudgetEvent("overruled", f"the profile was set to {in_force}, not to {switch.to}: it stays")]


def keep(state: BudgetState, limits: Sequence[Limit], in_force: str, chosen: str) -> list[BudgetEvent]:
    """Let a profile stay that a person has set, although it serves already: there is no change to see.

    Args:
        state: What is known; it is changed.
        limits: The limits of the config.
        in_force: The profile that serves.
        chosen: The profile that a person has set; empty for none.
    """
    if not chosen or chosen != in_force or state.switch is None:
        return []
    overrule(state, limits)
    return [BudgetEvent("overruled", f"a person has set the profile to {chosen}: it stays")]


def overrule(state: BudgetState, limits: Sequence[Limit]) -> None:
    """Let the reached limits act no more on the profile in this period.

    Args:
        state: What is known; it is changed.
        limits: The limits of the config.
    """
    state.switch = None
    for limit in _acting(state, limits):
        state.limits[limit.id].overruled = True


def _acting(state: BudgetState, limits: Sequence[Limit]) -> list[Limit]:
    found = [(limit, state.limits.get(limit.id)) for limit in limits if limit.budget.profile]
    return [limit for limit, one in found if one is not None and one.exhausted and not one.overruled]


def wanted(state: BudgetState, limits: Sequence[Limit], in_force: str) -> str:
    """Return the profile to switch to now, and keep what has to be known to return; empty if nothing is to be done.

    Args:
        state: What is known; it is changed.
        limits: The limits of the config, in its order.
        in_force: The profile that serves.
    """
    acting, switch = _acting(state, limits), state.switch
    if acting:
        profile = acting[0].budget.profile
        if switch is None:
            at_home = profile == in_force
            state.switch = switch = Switch("" if at_home else in_force, in_force, profile, done=at_home)
    elif switch is None:
        return ""
    else:
        profile = switch.home or switch.to
        if not switch.home or (switch.home == in_force and switch.done):
            state.switch = None
            return ""
    if profile != switch.to:
        home = switch.home or switch.to
        state.switch = switch = Switch(home, in_force, profile)
    return "" if switch.done else switch.to
