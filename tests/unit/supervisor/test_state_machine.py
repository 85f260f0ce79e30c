"""Sequences of events of a service, and the effects that result."""

from __future__ import annotations

import itertools

import pytest

from flowgate.supervisor.respawn import RESPAWN_WAITS
from flowgate.supervisor.service_state import (
    Abandon,
    Arm,
    Cut,
    Died,
    Discard,
    Drain,
    Effect,
    Event,
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
    SpawnWorker,
    Start,
    Stop,
    Terminate,
    Timer,
    WorkerLost,
)
from flowgate.supervisor.state_machine import advance

SHARED = ServiceState("app", shared_listener=True)
OWN = ServiceState("own", shared_listener=False)


def play(state: ServiceState, *events: Event) -> tuple[ServiceState, list[Effect]]:
    """Apply events one after another; return the last state and all effects."""
    effects: list[Effect] = []
    for event in events:
        state, more = advance(state, event)
        effects += more
    return state, effects


def phases(state: ServiceState) -> dict[int, str]:
    return {g.number: g.phase for g in state.generations}


def of_kind(effects: list[Effect], *kinds: type) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, kinds)]


SERVING = (Start(), Ready(1), Opened(1))


@pytest.mark.parametrize("state", [SHARED, OWN])
def test_the_first_generation_opens_by_itself_when_it_is_ready(state: ServiceState) -> None:
    state, effects = play(state, Start(), Ready(1))
    assert of_kind(effects, Spawn, Open) == [Spawn(1), Open(1)]
    assert phases(play(state, Opened(1))[0]) == {1: "serving"}


def test_a_second_generation_does_not_open_until_it_is_promoted() -> None:
    state, _ = play(SHARED, *SERVING)
    state, effects = play(state, Start(), Ready(2))
    assert of_kind(effects, Open, Drain, Terminate) == []
    assert phases(state) == {1: "serving", 2: "ready"}


def test_the_old_generation_drains_only_after_the_new_one_has_opened() -> None:
    state, _ = play(SHARED, *SERVING, Start(), Ready(2))
    state, before = play(state, Promote(2))
    state, after = play(state, Opened(2))
    assert of_kind(before, Open, Drain) == [Open(2)]
    assert of_kind(after, Open, Drain) == [Drain(1)]
    assert phases(state) == {1: "draining", 2: "serving"}


def test_a_generation_over_its_drain_timeout_is_cut_then_killed() -> None:
    state, _ = play(SHARED, *SERVING, Start(), Ready(2), Promote(2), Opened(2))
    state, effects = play(state, Timer("drain", 1), Timer("drain", 1), Timer("grace", 1))
    assert effects == [Cut(1), Arm(Timer("grace", 1), SHARED.stop_grace), Kill(1)]
    assert phases(state) == {1: "stopping", 2: "serving"}


def test_a_generation_that_is_not_ready_is_not_promoted() -> None:
    _, effects = play(SHARED, *SERVING, Start(), Promote(2))
    assert of_kind(effects, Open) == [Open(1)]


def test_a_failed_candidate_is_reported_and_the_old_generation_serves() -> None:
    state, effects = play(SHARED, *SERVING, Start(), Died(2, "exited with code 3"))
    assert Note("failed", 2, "exited with code 3") in effects
    assert phases(state) == {1: "serving"}
    assert of_kind(effects, Spawn) == [Spawn(1), Spawn(2)]


def test_a_failed_first_start_is_not_repeated() -> None:
    state, effects = play(SHARED, Start(), Died(1, "exited with code 3"))
    assert not state.wanted
    assert of_kind(effects, Spawn) == [Spawn(1)]
    assert state.failure == "exited with code 3"


def test_a_crashed_generation_is_respawned_at_once_the_first_time() -> None:
    state, effects = play(SHARED, *SERVING, Died(1, "killed by SIGKILL"))
    assert of_kind(effects, Arm)[-1] == Arm(Timer("respawn", 1), 0.0)
    state, effects = play(state, Timer("respawn", 1))
    assert of_kind(effects, Spawn) == [Spawn(2, copy_of=1)]
    assert state.restarts == 1


def test_respawns_wait_longer_each_time_up_to_a_limit() -> None:
    state, _ = play(SHARED, *SERVING)
    waits = []
    for number in range(1, 12):
        state, effects = play(state, Died(number, "crashed"))
        arms = [a for a in of_kind(effects, Arm) if isinstance(a, Arm) and a.timer.name == "respawn"]
        waits.append(arms[0].seconds)
        state, _ = play(state, Timer("respawn", number), Ready(number + 1), Opened(number + 1))
    assert waits == [*RESPAWN_WAITS, 30.0, 30.0, 30.0]


def test_crashes_before_a_quiet_minute_do_not_count() -> None:
    state, _ = play(SHARED, *SERVING, Died(1, "x"), Timer("respawn", 1), Ready(2), Opened(2))
    assert state.crashes == 1
    assert play(state, Timer("quiet", 2))[0].crashes == 0
    assert play(state, Timer("quiet", 1))[0].crashes == 1


def test_a_failed_respawn_is_repeated_later() -> None:
    state, effects = play(SHARED, *SERVING, Died(1, "x"), Timer("respawn", 1), Died(2, "y"))
    assert of_kind(effects, Arm)[-1] == Arm(Timer("respawn", 1), RESPAWN_WAITS[1])
    assert state.wanted


def test_a_service_without_restart_stays_down_after_a_crash() -> None:
    state, effects = play(ServiceState("s", shared_listener=False, respawns=False), *SERVING, Died(1, "x"))
    assert not state.wanted
    assert not [a for a in of_kind(effects, Arm) if isinstance(a, Arm) and a.timer.name == "respawn"]


def test_stop_terminates_then_kills_after_the_grace_period() -> None:
    state, effects = play(SHARED, *SERVING, Stop())
    assert of_kind(effects, Terminate) == [Terminate(1)]
    state, effects = play(state, Timer("grace", 1))
    assert of_kind(effects, Kill) == [Kill(1)]
    assert play(state, Died(1, "killed by SIGKILL"))[0].generations == ()


def test_a_stopped_service_is_not_respawned() -> None:
    state, effects = play(SHARED, *SERVING, Stop(), Died(1, "exited with code 0"), Timer("respawn", 1))
    assert of_kind(effects, Spawn) == [Spawn(1)]
    assert not state.wanted


def test_with_its_own_port_the_old_generation_ends_before_the_new_one_starts() -> None:
    state, effects = play(OWN, *SERVING, Start())
    assert of_kind(effects, Terminate, Spawn) == [Spawn(1), Terminate(1)]
    state, effects = play(state, Died(1, "exited with code 0"))
    assert of_kind(effects, Spawn) == [Spawn(2)]


def test_with_its_own_port_the_old_program_comes_back_when_the_new_one_fails() -> None:
    state, effects = play(OWN, *SERVING, Start(), Died(1, "exited with code 0"), Died(2, "exited with code 1"))
    assert of_kind(effects, Spawn)[-1] == Spawn(3, copy_of=1)
    assert phases(state) == {3: "starting"}


def test_a_generation_that_is_not_ready_in_time_is_stopped_and_reported() -> None:
    state, effects = play(SHARED, Start(), Timer("ready", 1), Died(1, "killed by SIGTERM"))
    assert of_kind(effects, Terminate) == [Terminate(1)]
    assert state.failure == "not ready within 120 s"


def test_a_discarded_candidate_does_not_affect_the_serving_generation() -> None:
    state, effects = play(SHARED, *SERVING, Start(), Ready(2), Discard(2), Died(2, "exited with code 0"))
    assert of_kind(effects, Terminate) == [Terminate(2)]
    assert phases(state) == {1: "serving"}


def test_an_abandoned_generation_is_stopped() -> None:
    state, effects = play(SHARED, *SERVING, Abandon(1))
    assert of_kind(effects, Terminate) == [Terminate(1)]
    assert not state.wanted


def test_an_abandoned_restart_brings_the_old_program_back() -> None:
    state, _ = play(OWN, *SERVING, Start(), Died(1, "exited with code 0"), Ready(2), Opened(2), Abandon(2))
    state, effects = play(state, Died(2, "killed by SIGTERM"))
    assert of_kind(effects, Spawn) == [Spawn(3, copy_of=1)]


def test_a_kept_restart_has_no_fallback() -> None:
    state, _ = play(OWN, *SERVING, Start(), Died(1, "exited with code 0"), Ready(2), Opened(2), Keep(2), Abandon(2))
    assert play(state, Died(2, "killed by SIGTERM"))[0].generations == ()


def test_a_renewal_opens_by_itself_with_the_same_program() -> None:
    state, effects = play(SHARED, *SERVING, Renew(), Ready(2), Opened(2))
    assert of_kind(effects, Spawn, Open, Drain) == [Spawn(1), Open(1), Spawn(2, copy_of=1), Open(2), Drain(1)]
    assert phases(state) == {1: "draining", 2: "serving"}


def test_a_failed_renewal_does_not_affect_the_serving_generation() -> None:
    state, _ = play(SHARED, *SERVING, Renew(), Died(2, "exited with code 3"))
    assert phases(state) == {1: "serving"}


def test_nothing_is_renewed_beside_a_candidate_or_with_its_own_port() -> None:
    assert play(SHARED, *SERVING, Start(), Renew())[0].last_number == 2
    assert play(OWN, *SERVING, Renew())[0].last_number == 1


def test_a_ready_candidate_opens_when_the_serving_one_crashes() -> None:
    _, effects = play(SHARED, *SERVING, Start(), Ready(2), Died(1, "killed by SIGKILL"))
    assert of_kind(effects, Open)[-1] == Open(2)


@pytest.mark.parametrize("shared", [True, False])
def test_every_sequence_of_eight_events_reaches_a_valid_state(shared: bool) -> None:
    explore(shared, depth=8)


def explore(shared: bool, depth: int) -> None:
    """Apply every sequence of events for two generations, visiting each state once."""
    events: list[Event] = []
    for n in (1, 2):
        events += [Ready(n), Promote(n), Opened(n), Discard(n), Abandon(n), Keep(n)]
    events += [Died(n, "x") for n in (1, 2)] + [Start(), Stop(), Renew()]
    events += [Timer(name, n) for name, n in itertools.product(("ready", "grace", "drain", "respawn", "quiet"), (1, 2))]
    states = {ServiceState("s", shared_listener=shared)}
    for _ in range(depth):
        reached = set()
        for state, event in itertools.product(states, events):
            after, effects = advance(state, event)
            assert_valid(after, effects)
            reached.add(after)
        states = reached - states


def assert_valid(state: ServiceState, effects: tuple[Effect, ...]) -> None:
    serving = [g for g in state.generations if g.phase == "serving"]
    live = [g for g in state.generations if g.phase != "waiting"]
    numbers = [g.number for g in state.generations]
    assert len(serving) <= 1
    assert len(set(numbers)) == len(numbers)
    assert state.shared_listener or len([g for g in live if g.phase != "stopping"]) <= 1
    assert not state.wanted or state.generations or state.respawn_pending
    for generation in state.generations:
        assert generation.phase != "waiting" or not state.shared_listener


def test_a_lost_worker_is_respawned_in_its_generation() -> None:
    state, effects = play(SHARED, *SERVING, WorkerLost(1, "worker 2: killed", 2), Timer("worker", 1))
    assert (phases(state), state.restarts) == ({1: "serving"}, 1)
    assert [one for one in effects if isinstance(one, SpawnWorker)] == [SpawnWorker(1)]
    assert Arm(Timer("worker", 1), 0.0) in effects


def test_each_worker_may_end_once_before_the_waits_grow() -> None:
    _, effects = play(SHARED, *SERVING, *[WorkerLost(1, "killed", 2)] * 6)
    waits = [one.seconds for one in effects if isinstance(one, Arm) and one.timer.name == "worker"]
    assert waits == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]


def test_a_worker_that_has_lived_for_a_while_is_replaced_at_once_and_does_not_count() -> None:
    brief, lasting = WorkerLost(1, "killed", 2, lived=0.5), WorkerLost(1, "killed", 2, lived=5.0)
    state, effects = play(SHARED, *SERVING, *[brief] * 4, lasting)
    waits = [one.seconds for one in effects if isinstance(one, Arm) and one.timer.name == "worker"]
    assert (waits, state.crashes) == ([0.0, 0.0, 0.5, 0.5, 0.0], 4)


@pytest.mark.parametrize(
    "events", [(Start(),), (Start(), Ready(1)), (*SERVING, Start()), (*SERVING, Start(), Ready(2))]
)
def test_a_worker_lost_by_a_candidate_fails_the_candidate(events: tuple[Event, ...]) -> None:
    before, _ = play(SHARED, *events)
    number = before.generations[-1].number
    state, effects = play(before, WorkerLost(number, "worker 2: killed", 2), Died(number, "ended"))
    assert Terminate(number) in effects
    assert Note("failed", number, "worker 2: killed") in effects
    assert number not in phases(state)


def test_steady_workers_let_earlier_ends_be_forgotten() -> None:
    lost = (WorkerLost(1, "killed", 2), Timer("worker", 1))
    state, _ = play(SHARED, *SERVING, *lost, *lost, Timer("steady", 1, 1))
    assert state.crashes == 2
    state, _ = play(state, Timer("steady", 1, 2))
    assert state.crashes == 0
