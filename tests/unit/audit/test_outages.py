"""Outages in any traffic: each failed attempt belongs to one of them, and no good one is within."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator

import pytest

from flowgate.audit import outages
from flowgate.audit.histories import Event, History, histories, start
from flowgate.audit.served import FAILURES, Requests, Served, Tried, row_of
from tests.unit.audit.conftest import CHEAP, DEFAULT

KINDS = ("", "", "refusal", "timeout", "stream", "429", "machine", "client", "nobody")


def attempt(chance: random.Random, at: float) -> Tried:
    model, kind = chance.choice([DEFAULT, CHEAP]), chance.choice(KINDS)
    return Tried(
        at, model, f"openai/{model}", f"id-{model}", "h:1", "openai", 0.1, 500 if kind else None, kind, kind, ""
    )


def served(chance: random.Random) -> Iterator[Served]:
    at = 0.0
    for number in range(chance.randint(0, 60)):
        at += chance.choice([0.0, 0.01, 1.0, 30.0])
        tried = [attempt(chance, at + place * chance.choice([0.0, 2.0])) for place in range(chance.randint(1, 4))]
        tried.sort(key=lambda one: one.at)
        error = tried[-1].kind
        yield Served(number, at, chance.choice([1, 2]), f"r{number}", DEFAULT, error, 1.0, tuple(tried))


def requests(seed: int) -> Requests:
    made = list(served(random.Random(seed)))  # noqa: S311 - traffic of a test
    uneven = {one.id: one for one in made if len(one.tried) > 1 or one.tried[0].kind or one.error}
    return Requests([row_of(one, one.tried[0]) for one in made], uneven)


@pytest.mark.parametrize("seed", range(30))
def test_each_failed_attempt_is_in_one_outage_and_no_good_one(seed: int) -> None:
    for where, history in histories(requests(seed)).items():
        found = list(outages.outages(where, history))
        assert [event for one in found for event in one.failed] == history.failed
        for one in found:
            last = one.failed[-1][0].at
            assert not [row for row in history.good if one.began < start(row) <= last and start(row) != one.ended]
            assert one.ended is None or one.ended >= last


@pytest.mark.parametrize("seed", range(30))
def test_outages_of_a_deployment_follow_one_another(seed: int) -> None:
    for where, history in histories(requests(seed)).items():
        found = list(outages.outages(where, history))
        assert all(one.ended is not None for one in found[:-1])
        assert all((one.ended or 0) <= following.began for one, following in itertools.pairwise(found))


@pytest.mark.parametrize("seed", range(30))
def test_histories_hold_every_attempt_that_counts(seed: int) -> None:
    traffic = requests(seed)
    every = [(one, tried) for row in traffic.rows for one in [traffic.served(row)] for tried in one.tried]
    failing = {tried.id for _, tried in every if tried.kind in {*FAILURES, "machine"}}
    expected = sum(tried.kind in {"", *FAILURES, "machine"} for _, tried in every if tried.id in failing)
    assert sum(len(one.good) + len(one.failed) for one in histories(traffic).values()) == expected


@pytest.mark.parametrize("seed", range(10))
def test_histories_by_process_are_those_of_the_whole(seed: int) -> None:
    for history in histories(requests(seed)).values():
        own = history.by_run()
        failed: list[Event] = [event for one in own.values() for event in one.failed]
        assert len(failed) == len(history.failed)
        assert all(event[1].run == run for run, one in own.items() for event in one.failed)


def test_a_time_without_attempts_has_none() -> None:
    empty = History()
    assert (empty.good_between(0, 9), empty.failed_between(0, 9), empty.next_start(0, 0)) == ([], [], None)
