"""The life of a service as a pure function: `(state, event) → (state, effects)`.

No clock, no process, no socket: the supervisor turns what happens into events, and carries out the effects.

starting ──ready──▶ ready ──opened──▶ serving ──promotion of another──▶ draining ──▶ gone
    │                 │                  │
    └──── stopping ◀──┴───── stopping ◀──┘        waiting (own listener): until the old generation has gone
"""

from __future__ import annotations

from dataclasses import replace

from flowgate.supervisor.respawn import bring_back, died, respawn, respawn_worker, spawn, worker_lost
from flowgate.supervisor.service_state import (
    CANDIDATE,
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
    Start,
    Step,
    Stop,
    Terminate,
    Timer,
    WorkerLost,
)

QUIET_SECONDS = 60.0  # after serving for so long, earlier crashes do not count any more


def advance(state: ServiceState, event: Event) -> Step:
    """Apply an event to the state of a service.

    Args:
        state: The state before.
        event: What happened. One that does not apply any more, such as a timer of a generation that has gone, changes
            nothing.

    Returns:
        The new state, and the effects in the order in which to carry them out.
    """
    match event:
        case Start():
            return _start(state)
        case Stop(drain=drain):
            return _stop(state, drain=drain)
        case Renew():
            return _renew(state)
        case Timer(name="respawn", number=number):
            return respawn(state, number)
        case Timer(name="quiet", number=number):
            serving = state.serving()
            return (replace(state, crashes=0) if serving and serving.number == number else state), ()
    found = state.find(event.number)
    return _advance_generation(state, found, event) if found else (state, ())


def _advance_generation(state: ServiceState, found: Generation, event: Event) -> Step:
    match event, found.phase:
        case Ready(), "starting":
            return _ready(state, found)
        case Promote(), "ready":
            return state, (Open(found.number),)
        case Opened(), "starting" | "ready":
            return _opened(state, found)
        case Died(reason=reason), _:
            return died(state, found, reason)
        case WorkerLost(), "serving":
            return worker_lost(state, event)
        case WorkerLost(reason=reason), phase if phase in CANDIDATE:
            return _terminate(state, found, verdict=reason)
        case Discard(), phase if phase in CANDIDATE:
            return _discard(state, found)
        case Keep(), _:
            return state.updated(replace(found, fallback=None)), ()
        case Abandon(), _:
            return _abandon(state, found)
        case Timer(name="steady", restarts=restarts), "serving":
            return (replace(state, crashes=0) if restarts == state.restarts else state), ()
        case Timer(name=timer), _:
            return _expired(state, found, timer)
    return state, ()


def _expired(state: ServiceState, found: Generation, timer: str) -> Step:
    match timer, found.phase:
        case "ready", "starting":
            return _terminate(state, found, verdict=f"not ready within {state.ready_timeout:g} s")
        case "grace", "stopping":
            return state, (Kill(found.number),)
        case "drain", "draining":
            return _cut(state, found)
        case "worker", "serving":
            return respawn_worker(state, found.number)
    return state, ()


def _start(state: ServiceState) -> Step:
    number = state.last_number + 1
    candidates = [g for g in state.generations if g.phase in CANDIDATE]
    state = replace(state, last_number=number, wanted=True)
    effects: list[Effect] = []
    for candidate in candidates:
        state, more = _drop(state, candidate)
        effects += more
    if state.shared_listener or not state.has_live():
        state, more = spawn(state, Generation(number, "starting"))
        return state, (*effects, *more)
    serving = state.serving()
    fallback = next((g.fallback for g in candidates if g.fallback is not None), None)
    if serving:
        state, more = _terminate(state, serving)
        effects += more
        fallback = serving.number
    waiting = Generation(number, "waiting", fallback=fallback)
    return replace(state, generations=(*state.generations, waiting)), tuple(effects)


def _renew(state: ServiceState) -> Step:
    """Start a fresh generation of the serving program, unless there is a candidate already."""
    serving = state.serving()
    if not state.shared_listener or serving is None or state.newest() != serving:
        return state, ()
    new = Generation(state.last_number + 1, "starting", renewal=True)
    return spawn(replace(state, last_number=new.number), new, copy_of=serving.number)


def _ready(state: ServiceState, found: Generation) -> Step:
    state = state.updated(replace(found, phase="ready"))
    effects: tuple[Effect, ...] = (Note("ready", found.number),)
    if state.serving() is None or found.renewal:
        effects += (Open(found.number),)
    return state, effects


def _opened(state: ServiceState, found: Generation) -> Step:
    older = state.serving()
    state = replace(state.updated(replace(found, phase="serving")), served=found.number, failure="")
    effects: list[Effect] = [Note("serving", found.number), Arm(Timer("quiet", found.number), QUIET_SECONDS)]
    state, more = _drain(state, older) if older else (state, ())
    return state, (*effects, *more)


def _drain(state: ServiceState, found: Generation) -> Step:
    state = state.updated(replace(found, phase="draining"))
    timer = Arm(Timer("drain", found.number), state.drain_timeout)
    return state, (Drain(found.number), timer, Note("draining", found.number))


def _terminate(state: ServiceState, found: Generation, verdict: str = "") -> Step:
    if found.phase == "stopping":
        return state, ()
    state = state.updated(replace(found, phase="stopping", verdict=verdict))
    return state, (Terminate(found.number), Arm(Timer("grace", found.number), state.stop_grace))


def _cut(state: ServiceState, found: Generation) -> Step:
    state = state.updated(replace(found, phase="stopping"))
    return state, (Cut(found.number), Arm(Timer("grace", found.number), state.stop_grace))


def _drop(state: ServiceState, found: Generation) -> Step:
    """Stop a candidate; one without a process is removed at once."""
    if found.phase == "waiting":
        return state.without(found), ()
    return _terminate(state, replace(found, respawn=False))


def _discard(state: ServiceState, found: Generation) -> Step:
    state, effects = _drop(state, found)
    if found.fallback is not None:
        return bring_back(state, found.fallback, effects)
    return replace(state, wanted=state.serving() is not None), effects


def _abandon(state: ServiceState, found: Generation) -> Step:
    if found.phase in CANDIDATE:
        return _discard(state, found)
    if found.phase != "serving":
        return state, ()
    if found.fallback is None:
        return _stop(state)
    state, effects = _terminate(state, found)
    return bring_back(state, found.fallback, effects)


def _stop(state: ServiceState, *, drain: bool = False) -> Step:
    effects: list[Effect] = []
    for found in state.generations:
        if drain and found.phase == "draining":
            continue
        drains = drain and state.shared_listener and found.phase == "serving"
        stop = _drain if drains else _drop if found.phase == "waiting" else _terminate
        state, more = stop(state, found)
        effects += more
    return replace(state, wanted=False, served=None, crashes=0), tuple(effects)
