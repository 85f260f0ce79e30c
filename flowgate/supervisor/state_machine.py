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
    Dismiss,
    Drain,
    Event,
    Generation,
    Keep,
    Kill,
    Note,
    Open,
    Opened,
    Order,
    Promote,
    Ready,
    Renew,
    Seat,
    Spawn,
    Start,
    Stop,
    Terminate,
    Timer,
)

REVIVAL_WAITS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the 1st, 2nd, … revival in a row
QUIET_SECONDS = 60.0  # served this long: earlier crashes are forgiven

Step = tuple[Seat, tuple[Order, ...]]


def advance(seat: Seat, event: Event) -> Step:
    """Say what a seat becomes and what is to be done, when something happens.

    seat: as it is
    event: what happened; one that no longer applies (a timer of a generation that has gone) changes nothing
    Gives: the new seat, and the orders in the order they are to be carried out
    """
    match event:
        case Start():
            return _start(seat)
        case Stop():
            return _stop(seat)
        case Renew():
            return _renew(seat)
        case Timer(name="revive", number=number):
            return _revive(seat, number)
        case Timer(name="quiet", number=number):
            quiet = seat.serving()
            return (replace(seat, crashes=0) if quiet and quiet.number == number else seat), ()
    found = seat.find(event.number)
    return _of_generation(seat, found, event) if found else (seat, ())


def _of_generation(seat: Seat, found: Generation, event: Event) -> Step:
    phase = found.phase
    match event:
        case Ready() if phase == "starting":
            return _ready(seat, found)
        case Promote() if phase == "ready":
            return seat, (Open(found.number),)
        case Opened() if phase in ("starting", "ready"):
            return _opened(seat, found)
        case Died(reason=reason):
            return _died(seat, found, reason)
        case Dismiss() if phase in ("waiting", "starting", "ready"):
            return _dismiss(seat, found)
        case Keep():
            return _with(seat, replace(found, instead_of=None)), ()
        case Abandon():
            return _abandon(seat, found)
        case Timer(name="ready") if phase == "starting":
            return _terminate(seat, found, blame=f"not ready within {seat.ready_timeout:g} s")
        case Timer(name="grace") if phase == "stopping":
            return seat, (Kill(found.number),)
        case Timer(name="drain") if phase == "draining":
            return _cut(seat, found)
    return seat, ()


def _start(seat: Seat) -> Step:
    number = seat.numbered + 1
    candidates = [g for g in seat.generations if g.phase in ("waiting", "starting", "ready")]
    seat = replace(seat, numbered=number, wanted=True)
    orders: list[Order] = []
    for rival in candidates:
        seat, more = _drop(seat, rival)
        orders += more
    if seat.lent or not [g for g in seat.generations if g.phase in LIVE]:
        seat, more = _spawn(seat, Generation(number, "starting"))
        return seat, (*orders, *more)
    serving = seat.serving()
    way_back = next((g.instead_of for g in candidates if g.instead_of is not None), None)
    if serving:
        seat, more = _terminate(seat, serving)
        orders += more
        way_back = serving.number
    waiting = Generation(number, "waiting", instead_of=way_back)
    return replace(seat, generations=(*seat.generations, waiting)), tuple(orders)


def _renew(seat: Seat) -> Step:
    """Start a fresh generation beside the one that serves; a candidate that is there already comes first."""
    serving = seat.serving()
    if not seat.lent or serving is None or seat.newest() != serving:
        return seat, ()
    new = Generation(seat.numbered + 1, "starting", renewal=True)
    return _spawn(replace(seat, numbered=new.number), new, copy_of=serving.number)


def _spawn(seat: Seat, new: Generation, copy_of: int | None = None) -> Step:
    others = tuple(g for g in seat.generations if g.number != new.number)
    orders = (Spawn(new.number, copy_of), Arm(Timer("ready", new.number), seat.ready_timeout))
    return replace(seat, generations=(*others, new)), orders


def _ready(seat: Seat, found: Generation) -> Step:
    seat = _with(seat, replace(found, phase="ready"))
    orders: tuple[Order, ...] = (Note("ready", found.number),)
    if seat.serving() is None or found.renewal:
        orders += (Open(found.number),)
    return seat, orders


def _opened(seat: Seat, found: Generation) -> Step:
    orders: list[Order] = []
    elder = seat.serving()
    seat = _with(seat, replace(found, phase="serving"))
    seat = replace(seat, served=found.number, failure="")
    orders += (Note("serving", found.number), Arm(Timer("quiet", found.number), QUIET_SECONDS))
    if elder:
        seat = _with(seat, replace(elder, phase="draining"))
        orders += (Drain(elder.number), Arm(Timer("drain", elder.number), seat.drain_timeout))
        orders.append(Note("draining", elder.number))
    return seat, tuple(orders)


def _terminate(seat: Seat, found: Generation, blame: str = "") -> Step:
    if found.phase == "stopping":
        return seat, ()
    seat = _with(seat, replace(found, phase="stopping", blame=blame))
    return seat, (Terminate(found.number), Arm(Timer("grace", found.number), seat.stop_grace))


def _cut(seat: Seat, found: Generation) -> Step:
    seat = _with(seat, replace(found, phase="stopping"))
    return seat, (Cut(found.number), Arm(Timer("grace", found.number), seat.stop_grace))


def _drop(seat: Seat, found: Generation) -> Step:
    """Take a candidate away: one that never ran simply goes."""
    if found.phase == "waiting":
        return _without(seat, found), ()
    return _terminate(seat, replace(found, revival=False))


def _dismiss(seat: Seat, found: Generation) -> Step:
    seat, orders = _drop(seat, found)
    if found.instead_of is not None:
        return _put_back(seat, found.instead_of, orders)
    return replace(seat, wanted=seat.serving() is not None), orders


def _put_back(seat: Seat, number: int, orders: tuple[Order, ...]) -> Step:
    """Bring back, on an own seat, the program that a newer one was to replace."""
    again = Generation(seat.numbered + 1, "waiting", revival=True, instead_of=number)
    seat = replace(seat, numbered=again.number, generations=(*seat.generations, again), wanted=True, served=number)
    if any(g.phase in LIVE for g in seat.generations):
        return seat, orders
    seat, more = _spawn(seat, replace(again, phase="starting"), copy_of=number)
    return seat, (*orders, *more)


def _abandon(seat: Seat, found: Generation) -> Step:
    if found.phase in ("waiting", "starting", "ready"):
        return _dismiss(seat, found)
    if found.phase != "serving":
        return seat, ()
    if found.instead_of is None:
        return _stop(seat)
    seat, orders = _terminate(seat, found)
    return _put_back(seat, found.instead_of, orders)


def _stop(seat: Seat) -> Step:
    orders: list[Order] = []
    for found in seat.generations:
        if found.phase == "waiting":
            seat = _without(seat, found)
        else:
            seat, more = _terminate(seat, found)
            orders += more
    return replace(seat, wanted=False, served=None, crashes=0), tuple(orders)


def _died(seat: Seat, found: Generation, reason: str) -> Step:
    seat = _without(seat, found)
    why = found.blame or reason
    if found.phase in ("stopping", "draining") and not found.blame:
        return _after_leaving(seat, (Note("stopped", found.number, reason),))
    if found.phase == "serving" or found.revival:
        return _crashed(seat, found, why)
    seat = replace(seat, failure=why)
    failed: tuple[Order, ...] = (Note("failed", found.number, why),)
    if found.instead_of is not None and seat.wanted:
        return _put_back(seat, found.instead_of, failed)
    return _revival(seat, failed) if seat.wanted and not seat.generations else (seat, failed)


def _after_leaving(seat: Seat, orders: tuple[Order, ...]) -> Step:
    waiting = next((g for g in seat.generations if g.phase == "waiting"), None)
    if waiting and not any(g.phase in LIVE for g in seat.generations):
        copy_of = waiting.instead_of if waiting.revival else None
        seat, more = _spawn(seat, replace(waiting, phase="starting"), copy_of)
        return seat, (*orders, *more)
    if seat.generations or not seat.wanted:
        return seat, orders
    return _revival(seat, orders)


def _crashed(seat: Seat, found: Generation, why: str) -> Step:
    seat = replace(seat, failure=why)
    orders: tuple[Order, ...] = (Note("crashed", found.number, why),)
    candidate = next((g for g in seat.generations if g.phase == "ready"), None)
    if candidate:
        return seat, (*orders, Open(candidate.number))
    if any(g.phase in ("starting", "waiting") for g in seat.generations):
        return _after_leaving(seat, orders)
    return _revival(seat, orders) if seat.wanted else (seat, orders)


def _revival(seat: Seat, orders: tuple[Order, ...]) -> Step:
    """Arrange for the program that served last to come back; a seat where none has, or may, is given up."""
    if not seat.revives or seat.served is None:
        return replace(seat, wanted=False), orders
    if seat.reviving:
        return seat, orders
    wait = REVIVAL_WAITS[min(seat.crashes, len(REVIVAL_WAITS) - 1)]
    seat = replace(seat, crashes=seat.crashes + 1, reviving=True)
    return seat, (*orders, Arm(Timer("revive", seat.served or 0), wait))


def _revive(seat: Seat, number: int) -> Step:
    seat = replace(seat, reviving=False)
    if not seat.wanted or any(g.phase != "draining" for g in seat.generations):
        return seat, ()
    if number != seat.served:
        return _revival(seat, ())
    new = Generation(seat.numbered + 1, "starting", revival=True)
    seat = replace(seat, numbered=new.number, restarts=seat.restarts + 1)
    seat, orders = _spawn(seat, new, copy_of=number)
    return seat, (*orders, Note("revived", new.number))


def _with(seat: Seat, changed: Generation) -> Seat:
    return replace(seat, generations=tuple(changed if g.number == changed.number else g for g in seat.generations))


def _without(seat: Seat, gone: Generation) -> Seat:
    return replace(seat, generations=tuple(g for g in seat.generations if g.number != gone.number))
