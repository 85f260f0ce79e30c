"""The part of the state machine that reacts to the end of a process: report, respawn or fall back."""

from __future__ import annotations

from dataclasses import replace

from flowgate.supervisor.service_state import (
    Arm,
    Effect,
    Generation,
    Note,
    Open,
    ServiceState,
    Spawn,
    SpawnWorker,
    Step,
    Timer,
    WorkerLost,
)

RESPAWN_WAITS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0)  # seconds before the 1st, 2nd, … respawn in a row
LASTING_SECONDS = 3.0  # a worker that lives ten times as long as its start takes costs little to replace
STEADY_SECONDS = 60.0  # without another end of a worker, after which earlier ones do not count any more


def spawn(state: ServiceState, new: Generation, copy_of: int | None = None) -> Step:
    """Spawn a generation, and limit the time until it is ready."""
    others = tuple(g for g in state.generations if g.number != new.number)
    effects = (Spawn(new.number, copy_of), Arm(Timer("ready", new.number), state.ready_timeout))
    return replace(state, generations=(*others, new)), effects


def bring_back(state: ServiceState, number: int, effects: tuple[Effect, ...]) -> Step:
    """Start the program again that a newer one was to replace (own listener only)."""
    again = Generation(state.last_number + 1, "waiting", respawn=True, fallback=number)
    state = replace(
        state, last_number=again.number, generations=(*state.generations, again), wanted=True, served=number
    )
    if state.has_live():
        return state, effects
    state, more = spawn(state, replace(again, phase="starting"), copy_of=number)
    return state, (*effects, *more)


def died(state: ServiceState, found: Generation, reason: str) -> Step:
    """React to the end of a generation's process."""
    state = state.without(found)
    why = found.verdict or reason
    if found.phase in ("stopping", "draining") and not found.verdict:
        return _continue(state, (Note("stopped", found.number, reason),))
    if found.phase == "serving" or found.respawn:
        return _crashed(state, found, why)
    state = replace(state, failure=why)
    failed: tuple[Effect, ...] = (Note("failed", found.number, why),)
    if found.fallback is not None and state.wanted:
        return bring_back(state, found.fallback, failed)
    return _schedule(state, failed) if state.wanted and not state.generations else (state, failed)


def _crashed(state: ServiceState, found: Generation, why: str) -> Step:
    state = replace(state, failure=why)
    effects: tuple[Effect, ...] = (Note("crashed", found.number, why),)
    candidate = next((g for g in state.generations if g.phase == "ready"), None)
    if candidate:
        return state, (*effects, Open(candidate.number))
    if any(g.phase in ("starting", "waiting") for g in state.generations):
        return _continue(state, effects)
    return _schedule(state, effects) if state.wanted else (state, effects)


def _continue(state: ServiceState, effects: tuple[Effect, ...]) -> Step:
    """Spawn the generation that waited for this end, or schedule a respawn when nothing is left."""
    waiting = next((g for g in state.generations if g.phase == "waiting"), None)
    if waiting and not state.has_live():
        copy_of = waiting.fallback if waiting.respawn else None
        state, more = spawn(state, replace(waiting, phase="starting"), copy_of)
        return state, (*effects, *more)
    if state.generations or not state.wanted:
        return state, effects
    return _schedule(state, effects)


def _schedule(state: ServiceState, effects: tuple[Effect, ...]) -> Step:
    """Arm the respawn of the program that served last; give up when none has served, or the config forbids it."""
    if not state.respawns or state.served is None:
        return replace(state, wanted=False), effects
    if state.respawn_pending:
        return state, effects
    wait = RESPAWN_WAITS[min(state.crashes, len(RESPAWN_WAITS) - 1)]
    timer = Timer("respawn", state.served)
    return replace(state, crashes=state.crashes + 1, respawn_pending=True), (*effects, Arm(timer, wait))


def respawn(state: ServiceState, number: int) -> Step:
    """React to the expired timer of a respawn.

    Args:
        state: State of the service.
        number: The generation whose program is to run.
    """
    state = replace(state, respawn_pending=False)
    if not state.wanted or any(g.phase != "draining" for g in state.generations):
        return state, ()
    if number != state.served:
        return _schedule(state, ())
    new = Generation(state.last_number + 1, "starting", respawn=True)
    state = replace(state, last_number=new.number, restarts=state.restarts + 1)
    state, effects = spawn(state, new, copy_of=number)
    return state, (*effects, Note("respawned", new.number))


def worker_lost(state: ServiceState, lost: WorkerLost) -> Step:
    """React to the end of one of several workers of a serving generation: respawn it alone.

    Each worker may end once before the waits begin to grow: several that are killed together come back together. One
    that has lived for a while is replaced at once, and does not make the others wait.

    Args:
        state: State of the service.
        lost: The end of the worker.
    """
    crashed = Note("crashed", lost.number, lost.reason)
    if not state.respawns:
        return state, (crashed,)
    if lost.lived >= LASTING_SECONDS:
        return state, (crashed, Arm(Timer("worker", lost.number), 0.0))
    wait = RESPAWN_WAITS[min(state.crashes // lost.workers, len(RESPAWN_WAITS) - 1)]
    return replace(state, crashes=state.crashes + 1), (crashed, Arm(Timer("worker", lost.number), wait))


def respawn_worker(state: ServiceState, number: int) -> Step:
    """Respawn one worker of a serving generation.

    Args:
        state: State of the service.
        number: The generation.
    """
    state = replace(state, restarts=state.restarts + 1)
    steady = Arm(Timer("steady", number, state.restarts), STEADY_SECONDS)
    return state, (SpawnWorker(number), Note("respawned", number, "one worker"), steady)
