"""Histories of a seat: what happens, and what is ordered."""

from __future__ import annotations

import itertools

import pytest

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
    Start,
    Stop,
    Terminate,
    Timer,
)
from flowgate.supervisor.state_machine import REVIVAL_WAITS, advance

LENT = ServiceState("litellm", lent=True)
OWN = ServiceState("upstream", lent=False)


def play(state: ServiceState, *events: Event) -> tuple[ServiceState, list[Effect]]:
    """Let events happen one after another; give the orders of all."""
    orders: list[Effect] = []
    for event in events:
        state, more = advance(state, event)
        orders += more
    return state, orders


def phases(state: ServiceState) -> dict[int, str]:
    return {g.number: g.phase for g in state.generations}


def of_kind(orders: list[Effect], *kinds: type) -> list[Effect]:
    return [order for order in orders if isinstance(order, kinds)]


SERVING = (Start(), Ready(1), Opened(1))


@pytest.mark.parametrize("state", [LENT, OWN])
def test_the_first_generation_opens_by_itself_when_it_is_ready(state: ServiceState) -> None:
    state, orders = play(state, Start(), Ready(1))
    assert of_kind(orders, Spawn, Open) == [Spawn(1), Open(1)]
    assert phases(play(state, Opened(1))[0]) == {1: "serving"}


def test_a_second_generation_waits_behind_its_private_door_until_it_is_promoted() -> None:
    state, _ = play(LENT, *SERVING)
    state, orders = play(state, Start(), Ready(2))
    assert of_kind(orders, Open, Drain, Terminate) == []
    assert phases(state) == {1: "serving", 2: "ready"}


def test_old_generation_drains_only_after_the_new_one_has_opened() -> None:
    state, _ = play(LENT, *SERVING, Start(), Ready(2))
    state, before = play(state, Promote(2))
    state, after = play(state, Opened(2))
    assert of_kind(before, Open, Drain) == [Open(2)]
    assert of_kind(after, Open, Drain) == [Drain(1)]
    assert phases(state) == {1: "draining", 2: "serving"}


def test_what_outlives_the_drain_timeout_is_cut_then_killed() -> None:
    state, _ = play(LENT, *SERVING, Start(), Ready(2), Promote(2), Opened(2))
    state, orders = play(state, Timer("drain", 1), Timer("drain", 1), Timer("grace", 1))
    assert orders == [Cut(1), Arm(Timer("grace", 1), LENT.stop_grace), Kill(1)]
    assert phases(state) == {1: "stopping", 2: "serving"}


def test_a_generation_that_is_not_ready_is_not_promoted() -> None:
    _, orders = play(LENT, *SERVING, Start(), Promote(2))
    assert of_kind(orders, Open) == [Open(1)]


def test_a_candidate_that_dies_while_starting_is_reported_and_the_old_one_serves_on() -> None:
    state, orders = play(LENT, *SERVING, Start(), Died(2, "exited with code 3"))
    assert Note("failed", 2, "exited with code 3") in orders
    assert phases(state) == {1: "serving"}
    assert of_kind(orders, Spawn) == [Spawn(1), Spawn(2)]


def test_a_first_start_that_fails_is_not_tried_again() -> None:
    state, orders = play(LENT, Start(), Died(1, "exited with code 3"))
    assert not state.wanted
    assert of_kind(orders, Spawn) == [Spawn(1)]
    assert state.failure == "exited with code 3"


def test_a_serving_generation_that_dies_is_revived_at_once_the_first_time() -> None:
    state, orders = play(LENT, *SERVING, Died(1, "killed by SIGKILL"))
    assert of_kind(orders, Arm)[-1] == Arm(Timer("revive", 1), 0.0)
    state, orders = play(state, Timer("revive", 1))
    assert of_kind(orders, Spawn) == [Spawn(2, copy_of=1)]
    assert state.restarts == 1


def test_revivals_wait_longer_each_time_up_to_the_ceiling() -> None:
    state, _ = play(LENT, *SERVING)
    waits = []
    for number in range(1, 12):
        state, orders = play(state, Died(number, "crashed"))
        arms = [a for a in of_kind(orders, Arm) if isinstance(a, Arm) and a.timer.name == "revive"]
        waits.append(arms[0].seconds)
        state, _ = play(state, Timer("revive", number), Ready(number + 1), Opened(number + 1))
    assert waits == [*REVIVAL_WAITS, 30.0, 30.0, 30.0]


def test_a_quiet_spell_forgives_earlier_crashes() -> None:
    state, _ = play(LENT, *SERVING, Died(1, "x"), Timer("revive", 1), Ready(2), Opened(2))
    assert state.crashes == 1
    assert play(state, Timer("quiet", 2))[0].crashes == 0
    assert play(state, Timer("quiet", 1))[0].crashes == 1


def test_a_revival_that_dies_while_starting_is_tried_again_later() -> None:
    state, orders = play(LENT, *SERVING, Died(1, "x"), Timer("revive", 1), Died(2, "y"))
    assert of_kind(orders, Arm)[-1] == Arm(Timer("revive", 1), REVIVAL_WAITS[1])
    assert state.wanted


def test_a_service_that_is_not_to_be_restarted_stays_down() -> None:
    state, orders = play(ServiceState("s", lent=False, revives=False), *SERVING, Died(1, "x"))
    assert not state.wanted
    assert not [a for a in of_kind(orders, Arm) if isinstance(a, Arm) and a.timer.name == "revive"]


def test_stop_asks_then_kills_after_the_grace() -> None:
    state, orders = play(LENT, *SERVING, Stop())
    assert of_kind(orders, Terminate) == [Terminate(1)]
    state, orders = play(state, Timer("grace", 1))
    assert of_kind(orders, Kill) == [Kill(1)]
    assert play(state, Died(1, "killed by SIGKILL"))[0].generations == ()


def test_a_stopped_service_is_not_revived() -> None:
    state, orders = play(LENT, *SERVING, Stop(), Died(1, "exited with code 0"), Timer("revive", 1))
    assert of_kind(orders, Spawn) == [Spawn(1)]
    assert not state.wanted


def test_on_an_own_port_the_old_one_goes_before_the_new_one_comes() -> None:
    state, orders = play(OWN, *SERVING, Start())
    assert of_kind(orders, Terminate, Spawn) == [Spawn(1), Terminate(1)]
    state, orders = play(state, Died(1, "exited with code 0"))
    assert of_kind(orders, Spawn) == [Spawn(2)]


def test_on_an_own_port_the_old_program_comes_back_when_the_new_one_fails() -> None:
    state, orders = play(OWN, *SERVING, Start(), Died(1, "exited with code 0"), Died(2, "exited with code 1"))
    assert of_kind(orders, Spawn)[-1] == Spawn(3, copy_of=1)
    assert phases(state) == {3: "starting"}


def test_a_generation_not_ready_in_time_is_stopped_and_blamed() -> None:
    state, orders = play(LENT, Start(), Timer("ready", 1), Died(1, "killed by SIGTERM"))
    assert of_kind(orders, Terminate) == [Terminate(1)]
    assert state.failure == "not ready within 120 s"


def test_a_dismissed_candidate_leaves_the_serving_one_alone() -> None:
    state, orders = play(LENT, *SERVING, Start(), Ready(2), Discard(2), Died(2, "exited with code 0"))
    assert of_kind(orders, Terminate) == [Terminate(2)]
    assert phases(state) == {1: "serving"}


def test_what_was_started_by_a_command_that_died_is_taken_down() -> None:
    state, orders = play(LENT, *SERVING, Abandon(1))
    assert of_kind(orders, Terminate) == [Terminate(1)]
    assert not state.wanted


def test_an_abandoned_restart_on_an_own_port_brings_the_old_program_back() -> None:
    state, _ = play(OWN, *SERVING, Start(), Died(1, "exited with code 0"), Ready(2), Opened(2), Abandon(2))
    state, orders = play(state, Died(2, "killed by SIGTERM"))
    assert of_kind(orders, Spawn) == [Spawn(3, copy_of=1)]


def test_a_kept_restart_has_no_way_back() -> None:
    state, _ = play(OWN, *SERVING, Start(), Died(1, "exited with code 0"), Ready(2), Opened(2), Keep(2), Abandon(2))
    assert play(state, Died(2, "killed by SIGTERM"))[0].generations == ()


def test_a_renewed_generation_takes_over_by_itself_with_the_same_program() -> None:
    state, orders = play(LENT, *SERVING, Renew(), Ready(2), Opened(2))
    assert of_kind(orders, Spawn, Open, Drain) == [Spawn(1), Open(1), Spawn(2, copy_of=1), Open(2), Drain(1)]
    assert phases(state) == {1: "draining", 2: "serving"}


def test_a_renewal_that_does_not_come_up_leaves_the_serving_one_alone() -> None:
    state, _ = play(LENT, *SERVING, Renew(), Died(2, "exited with code 3"))
    assert phases(state) == {1: "serving"}


def test_nothing_is_renewed_beside_a_candidate_or_on_an_own_port() -> None:
    assert play(LENT, *SERVING, Start(), Renew())[0].numbered == 2
    assert play(OWN, *SERVING, Renew())[0].numbered == 1


def test_a_ready_candidate_opens_when_the_serving_one_crashes() -> None:
    _, orders = play(LENT, *SERVING, Start(), Ready(2), Died(1, "killed by SIGKILL"))
    assert of_kind(orders, Open)[-1] == Open(2)


@pytest.mark.parametrize("lent", [True, False])
def test_every_history_to_depth_eight_reaches_a_sane_state(lent: bool) -> None:
    explore(lent, depth=8)


def explore(lent: bool, depth: int) -> None:
    """Go through every order of events for two generations, visiting each seat once."""
    events: list[Event] = []
    for n in (1, 2):
        events += [Ready(n), Promote(n), Opened(n), Discard(n), Abandon(n), Keep(n)]
    events += [Died(n, "x") for n in (1, 2)] + [Start(), Stop(), Renew()]
    events += [Timer(name, n) for name, n in itertools.product(("ready", "grace", "drain", "revive", "quiet"), (1, 2))]
    states = {ServiceState("s", lent=lent)}
    for _ in range(depth):
        reached = set()
        for state, event in itertools.product(states, events):
            after, orders = advance(state, event)
            assert_sane(after, orders)
            reached.add(after)
        states = reached - states


def assert_sane(state: ServiceState, orders: tuple[Effect, ...]) -> None:
    serving = [g for g in state.generations if g.phase == "serving"]
    live = [g for g in state.generations if g.phase != "waiting"]
    numbers = [g.number for g in state.generations]
    assert len(serving) <= 1
    assert len(set(numbers)) == len(numbers)
    assert state.lent or len([g for g in live if g.phase != "stopping"]) <= 1
    assert not state.wanted or state.generations or state.reviving
    for generation in state.generations:
        assert generation.phase != "waiting" or not state.lent
