"""A service's whole life as a pure function: `(seat, event) → (seat, orders)`.

No clock, no process, no socket: the daemon turns what happens into events and carries the orders out.

starting ──ready──▶ ready ──opened──▶ serving ──promotion of another──▶ draining ──▶ gone
    │                 │                  │
    └──── stopping ◀──┴───── stopping ◀──┘        waiting (own seats): until the old one has gone
"""

from __future__ import annotations

from dataclasses import replace

from flowgate.supervisor.service_state import (
    LIVE,
    Abandon,
    Arm,
    Cut,
    Died,
    Discard,
    Drain,
    Effect,
    Event,
    Generation,
    Keep,
    Kill,
    Note,
    Open,
    Opened,
    Promote,
    Ready,
    Renew,
    ServiceState,
    Spawn,
    Start,
    Stop,
    Terminate,
    Timer,
)

REVIVAL_WAITS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the 1st, 2nd, … revival in a row
QUIET_SECONDS = 60.0  # served this long: earlier crashes are forgiven

Step = tuple[ServiceState, tuple[Effect, ...]]


def advance(state: ServiceState, event: Event) -> Step:
    """Say what a seat becomes and what is to be done, when something happens.

    seat: as it is

    Args:
        event: What happened; one that no longer applies (a timer of a generation that has gone) changes nothing.

    Returns:
        The new seat, and the orders in the order they are to be carried out.
    """
    match event:
        case Start():
            return _start(state)
        case Stop():
            return _stop(state)
        case Renew():
            return _renew(state)
        case Timer(name="revive", number=number):
            return _revive(state, number)
        case Timer(name="quiet", number=number):
            quiet = state.serving()
            return (replace(state, crashes=0) if quiet and quiet.number == number else state), ()
    found = state.find(event.number)
    return _of_generation(state, found, event) if found else (state, ())


def _of_generation(state: ServiceState, found: Generation, event: Event) -> Step:
    phase = found.phase
    match event:
        case Ready() if phase == "starting":
            return _ready(state, found)
        case Promote() if phase == "ready":
            return state, (Open(found.number),)
        case Opened() if phase in ("starting", "ready"):
            return _opened(state, found)
        case Died(reason=reason):
            return _died(state, found, reason)
        case Discard() if phase in ("waiting", "starting", "ready"):
            return _dismiss(state, found)
        case Keep():
            return _with(state, replace(found, instead_of=None)), ()
        case Abandon():
            return _abandon(state, found)
        case Timer(name="ready") if phase == "starting":
            return _terminate(state, found, blame=f"not ready within {state.ready_timeout:g} s")
        case Timer(name="grace") if phase == "stopping":
            return state, (Kill(found.number),)
        case Timer(name="drain") if phase == "draining":
            return _cut(state, found)
    return state, ()


def _start(state: ServiceState) -> Step:
    number = state.numbered + 1
    candidates = [g for g in state.generations if g.phase in ("waiting", "starting", "ready")]
    state = replace(state, numbered=number, wanted=True)
    orders: list[Effect] = []
    for rival in candidates:
        state, more = _drop(state, rival)
        orders += more
    if state.lent or not [g for g in state.generations if g.phase in LIVE]:
        state, more = _spawn(state, Generation(number, "starting"))
        return state, (*orders, *more)
    serving = state.serving()
    way_back = next((g.instead_of for g in candidates if g.instead_of is not None), None)
    if serving:
        state, more = _terminate(state, serving)
        orders += more
        way_back = serving.number
    waiting = Generation(number, "waiting", instead_of=way_back)
    return replace(state, generations=(*state.generations, waiting)), tuple(orders)


def _renew(state: ServiceState) -> Step:
    """Start a fresh generation beside the one that serves; a candidate that is there already comes first."""
    serving = state.serving()
    if not state.lent or serving is None or state.newest() != serving:
        return state, ()
    new = Generation(state.numbered + 1, "starting", renewal=True)
    return _spawn(replace(state, numbered=new.number), new, copy_of=serving.number)


def _spawn(state: ServiceState, new: Generation, copy_of: int | None = None) -> Step:
    others = tuple(g for g in state.generations if g.number != new.number)
    orders = (Spawn(new.number, copy_of), Arm(Timer("ready", new.number), state.ready_timeout))
    return replace(state, generations=(*others, new)), orders


def _ready(state: ServiceState, found: Generation) -> Step:
    state = _with(state, replace(found, phase="ready"))
    orders: tuple[Effect, ...] = (Note("ready", found.number),)
    if state.serving() is None or found.renewal:
        orders += (Open(found.number),)
    return state, orders


def _opened(state: ServiceState, found: Generation) -> Step:
    orders: list[Effect] = []
    elder = state.serving()
    state = _with(state, replace(found, phase="serving"))
    state = replace(state, served=found.number, failure="")
    orders += (Note("serving", found.number), Arm(Timer("quiet", found.number), QUIET_SECONDS))
    if elder:
        state = _with(state, replace(elder, phase="draining"))
        orders += (Drain(elder.number), Arm(Timer("drain", elder.number), state.drain_timeout))
        orders.append(Note("draining", elder.number))
    return state, tuple(orders)


def _terminate(state: ServiceState, found: Generation, blame: str = "") -> Step:
    if found.phase == "stopping":
        return state, ()
    state = _with(state, replace(found, phase="stopping", blame=blame))
    return state, (Terminate(found.number), Arm(Timer("grace", found.number), state.stop_grace))


def _cut(state: ServiceState, found: Generation) -> Step:
    state = _with(state, replace(found, phase="stopping"))
    return state, (Cut(found.number), Arm(Timer("grace", found.number), state.stop_grace))


def _drop(state: ServiceState, found: Generation) -> Step:
    """Take a candidate away: one that never ran simply goes."""
    if found.phase == "waiting":
        return _without(state, found), ()
    return _terminate(state, replace(found, revival=False))


def _dismiss(state: ServiceState, found: Generation) -> Step:
    state, orders = _drop(state, found)
    if found.instead_of is not None:
        return _put_back(state, found.instead_of, orders)
    return replace(state, wanted=state.serving() is not None), orders


def _put_back(state: ServiceState, number: int, orders: tuple[Effect, ...]) -> Step:
    """Bring back, on an own seat, the program that a newer one was to replace."""
    again = Generation(state.numbered + 1, "waiting", revival=True, instead_of=number)
    state = replace(state, numbered=again.number, generations=(*state.generations, again), wanted=True, served=number)
    if any(g.phase in LIVE for g in state.generations):
        return state, orders
    state, more = _spawn(state, replace(again, phase="starting"), copy_of=number)
    return state, (*orders, *more)


def _abandon(state: ServiceState, found: Generation) -> Step:
    if found.phase in ("waiting", "starting", "ready"):
        return _dismiss(state, found)
    if found.phase != "serving":
        return state, ()
    if found.instead_of is None:
        return _stop(state)
    state, orders = _terminate(state, found)
    return _put_back(state, found.instead_of, orders)


def _stop(state: ServiceState) -> Step:
    orders: list[Effect] = []
    for found in state.generations:
        if found.phase == "waiting":
            state = _without(state, found)
        else:
            state, more = _terminate(state, found)
            orders += more
    return replace(state, wanted=False, served=None, crashes=0), tuple(orders)


def _died(state: ServiceState, found: Generation, reason: str) -> Step:
    state = _without(state, found)
    why = found.blame or reason
    if found.phase in ("stopping", "draining") and not found.blame:
        return _after_leaving(state, (Note("stopped", found.number, reason),))
    if found.phase == "serving" or found.revival:
        return _crashed(state, found, why)
    state = replace(state, failure=why)
    failed: tuple[Effect, ...] = (Note("failed", found.number, why),)
    if found.instead_of is not None and state.wanted:
        return _put_back(state, found.instead_of, failed)
    return _revival(state, failed) if state.wanted and not state.generations else (state, failed)


def _after_leaving(state: ServiceState, orders: tuple[Effect, ...]) -> Step:
    waiting = next((g for g in state.generations if g.phase == "waiting"), None)
    if waiting and not any(g.phase in LIVE for g in state.generations):
        copy_of = waiting.instead_of if waiting.revival else None
        state, more = _spawn(state, replace(waiting, phase="starting"), copy_of)
        return state, (*orders, *more)
    if state.generations or not state.wanted:
        return state, orders
    return _revival(state, orders)


def _crashed(state: ServiceState, found: Generation, why: str) -> Step:
    state = replace(state, failure=why)
    orders: tuple[Effect, ...] = (Note("crashed", found.number, why),)
    candidate = next((g for g in state.generations if g.phase == "ready"), None)
    if candidate:
        return state, (*orders, Open(candidate.number))
    if any(g.phase in ("starting", "waiting") for g in state.generations):
        return _after_leaving(state, orders)
    return _revival(state, orders) if state.wanted else (state, orders)


def _revival(state: ServiceState, orders: tuple[Effect, ...]) -> Step:
    """Arrange for the program that served last to come back; a seat where none has, or may, is given up."""
    if not state.revives or state.served is None:
        return replace(state, wanted=False), orders
    if state.reviving:
        return state, orders
    wait = REVIVAL_WAITS[min(state.crashes, len(REVIVAL_WAITS) - 1)]
    state = replace(state, crashes=state.crashes + 1, reviving=True)
    return state, (*orders, Arm(Timer("revive", state.served or 0), wait))


def _revive(state: ServiceState, number: int) -> Step:
    state = replace(state, reviving=False)
    if not state.wanted or any(g.phase != "draining" for g in state.generations):
        return state, ()
    if number != state.served:
        return _revival(state, ())
    new = Generation(state.numbered + 1, "starting", revival=True)
    state = replace(state, numbered=new.number, restarts=state.restarts + 1)
    state, orders = _spawn(state, new, copy_of=number)
    return state, (*orders, Note("revived", new.number))


def _with(state: ServiceState, changed: Generation) -> ServiceState:
    return replace(state, generations=tuple(changed if g.number == changed.number else g for g in state.generations))


def _without(state: ServiceState, gone: Generation) -> ServiceState:
    return replace(state, generations=tuple(g for g in state.generations if g.number != gone.number))
