"""The judge of a rehearsal: what was observed on one side, what was promised on the other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.rehearsal.scenarios import SCENARIOS, Fault
from flowgate.rehearsal.verdicts import BROKEN, CANNOT, KEPT, Asked, Judge, Observed, Row
from tests.unit.gateway.test_policy import COMMON, compiled

PROMISES = replace(
    compiled(COMMON["reliability"]).promises, retries={"refusal": 3, "429": 0, "timeout": 0}, cooldown_seconds=60.0
)
# As measured on the real proxy: the profile as commonly written, and the same numbers under `router_settings`.
AS_WRITTEN = [4, 4, 4, 4]
WHERE_THEY_COUNT = [4, 1, 0, 0]


def played(primary: list[int], by: str | None = "secondary", slow: float = 9.0, **more: float) -> Observed:
    """Play an outage: attempts on the primary, question by question; one that reaches it is slow."""
    asked = [
        Asked(float(at * 10), slow if tries > 1 else 0.04, by, {"primary": tries, "secondary": 1})
        for at, tries in enumerate(primary)
    ]
    return Observed(asked, healthy=0.04, **more)


def verdicts(rows: list[Row]) -> dict[str, str]:
    return {row.promise: row.verdict for row in rows}


def test_an_outage_as_the_profile_has_it_keeps_every_promise() -> None:
    rows = Judge(PROMISES)(SCENARIOS["500"], played(WHERE_THEY_COUNT))
    assert {row.verdict for row in rows} == {KEPT}
    assert len(rows) == 6


def test_the_profile_as_commonly_written_breaks_the_bench_and_the_attempts_in_a_minute() -> None:
    found = verdicts(Judge(PROMISES)(SCENARIOS["500"], played(AS_WRITTEN)))
    broken = {promise for promise, verdict in found.items() if verdict == BROKEN}
    assert broken == {"benched", "attempts on the dead primary in a minute"}


def test_one_attempt_too_many_is_broken() -> None:
    found = verdicts(Judge(PROMISES)(SCENARIOS["500"], played([5, 1, 0, 0])))
    assert found["attempts on the primary for one question"] == BROKEN


def test_a_question_that_nobody_answered_is_broken_while_somebody_could() -> None:
    found = verdicts(Judge(PROMISES)(SCENARIOS["500"], played(WHERE_THEY_COUNT, by=None)))
    assert found["every question is answered"] == BROKEN


def test_with_both_down_the_client_must_be_told_so() -> None:
    assert verdicts(Judge(PROMISES)(SCENARIOS["both"], played([4, 1, 0], by=None)))["the client is told so"] == KEPT
    assert verdicts(Judge(PROMISES)(SCENARIOS["both"], played([4, 1, 0])))["the client is told so"] == BROKEN


def test_a_slow_answer_after_the_benching_is_broken() -> None:
    slow = [replace(one, seconds=2.0) for one in played(WHERE_THEY_COUNT).asked]
    found = verdicts(Judge(PROMISES)(SCENARIOS["500"], Observed(slow, healthy=0.04)))
    assert found["as quick as ever once it is benched"] == BROKEN


def test_a_primary_that_was_never_asked_proves_nothing() -> None:
    assert verdicts(Judge(PROMISES)(SCENARIOS["500"], played([0, 0])))["benched"] == BROKEN


def test_accounts_that_the_south_asks_in_turn_are_allowed_for() -> None:
    found = verdicts(Judge(PROMISES, south=2)(SCENARIOS["500"], played([8, 2, 0, 0])))
    assert found["attempts on the primary for one question"] == KEPT


@pytest.mark.parametrize("name", ["hang", "refused"])
def test_where_the_south_benches_it_cannot_bench_who_says_nothing(name: str) -> None:
    south = verdicts(Judge(PROMISES, by_south=True)(SCENARIOS[name], played([1, 1, 1, 1], slow=0.1)))
    assert (south["benched"], BROKEN in south.values()) == (CANNOT, False)
    assert verdicts(Judge(PROMISES)(SCENARIOS[name], played([1, 1, 1, 1])))["benched"] == BROKEN


def test_a_429_is_not_tried_again() -> None:
    judge = Judge(PROMISES)
    assert verdicts(judge(SCENARIOS["429"], played([1, 1, 0])))["attempts on the primary for one question"] == KEPT
    assert verdicts(judge(SCENARIOS["429"], played([2, 1, 0])))["attempts on the primary for one question"] == BROKEN


def test_a_pause_that_a_vendor_asks_for_is_waited_for_as_often_as_the_profile_tries_again() -> None:
    asked = Judge(replace(PROMISES, retries={"429": 1}))(SCENARIOS["429-wait"], played([2, 1, 0], slow=61.0))
    at_once = Judge(PROMISES)(SCENARIOS["429-wait"], played([2, 1, 0], slow=61.0))
    assert (verdicts(asked)["the longest wait"], verdicts(at_once)["the longest wait"]) == (KEPT, BROKEN)


def test_a_stream_that_breaks_off_is_a_promise_that_cannot_be_kept() -> None:
    found = verdicts(Judge(PROMISES)(SCENARIOS["cut"], played([1, 1, 1], by=None)))
    assert found["every question is answered"] == CANNOT
    assert BROKEN not in found.values()


@pytest.mark.parametrize(("back", "verdict"), [(69.0, KEPT), (71.0, BROKEN), (None, BROKEN)])
def test_the_primary_must_serve_again_within_its_bench_and_ten_seconds(back: float | None, verdict: str) -> None:
    asked = list(played(WHERE_THEY_COUNT).asked)
    if back is not None:
        asked.append(Asked(50.0 + back - 0.04, 0.04, "primary", {"primary": 1}))
    found = verdicts(Judge(PROMISES)(SCENARIOS["recovery"], Observed(asked, healthy=0.04, over=50.0)))
    assert found["the primary serves again after the fault"] == verdict


def test_times_that_were_scaled_are_judged_scaled() -> None:
    asked = [*played(WHERE_THEY_COUNT, slow=0.9).asked, Asked(55.0, 0.04, "primary", {"primary": 1})]
    rows = Judge(PROMISES)(SCENARIOS["recovery"], Observed(asked, healthy=0.04, over=40.0, scale=0.1))
    assert verdicts(rows)["the primary serves again after the fault"] == KEPT  # 15 s; 6 s of bench and 10 s
    assert rows[-1].promised == "within 16.0 s"


def test_a_model_that_flaps_may_answer_between_its_failures() -> None:
    asked = [Asked(float(at), 0.04, by, {"primary": tries}) for at, (by, tries) in enumerate(FLAPPING)]
    assert BROKEN not in verdicts(Judge(PROMISES)(SCENARIOS["flap"], Observed(asked, healthy=0.04))).values()


FLAPPING = [
    *(("primary", 1), ("primary", 1), ("secondary", 4), ("primary", 1), ("primary", 1), ("secondary", 1)),
    *(("secondary", 0), ("secondary", 0)),
]


def test_the_rows_of_every_scenario_are_kept_for_the_table() -> None:
    judge = Judge(PROMISES)
    for name in ("500", "429"):
        judge(SCENARIOS[name], played([1, 1, 0]))
    assert {row.scenario for row in judge.rows} == {"500", "429"}


def test_nothing_observed_is_nothing_to_judge() -> None:
    with pytest.raises(ValueError, match="no question was put in 500"):
        Judge(PROMISES)(SCENARIOS["500"], Observed([], healthy=0.1))


def test_every_scenario_but_the_healthy_one_has_a_fault() -> None:
    assert [name for name, one in SCENARIOS.items() if not one.faults] == ["healthy"]
    assert {fault for one in SCENARIOS.values() for fault in one.faults.values()} > {Fault(status=500)}
