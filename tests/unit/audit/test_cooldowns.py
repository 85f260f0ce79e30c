"""Cooldowns in live traffic: as long as a vendor asks for, and of each worker by itself unless they are shared."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.audit.audit import NOT_EXERCISED, PROMISES, UNKNOWN
from flowgate.audit.cooldown_checks import ASKED_FOR_NONE, OTHERS, REDIS_AWAY
from flowgate.audit.cooldowns import NOT_COUNTED, NOT_RECORDED
from flowgate.gateway import recorded_promises, worker_promises
from flowgate.rehearsal.comparisons import ATTEMPTS_PER_MINUTE, BROKEN, COOLDOWN, KEPT, LONGEST_WAIT, RETURN
from tests.unit.audit.conftest import (
    CHEAP,
    DEFAULT,
    OUTAGE,
    Asked,
    Traffic,
    Try,
    asks,
    bad,
    cold,
    failing,
    good,
    promises,
)
from tests.unit.gateway.test_policy import COMMON, MODELS, compiled

SHARING = "1.108.7"
REDIS = {"redis_host": "127.0.0.1", "redis_port": 6379}


def of_workers(count: int, **router: Any) -> str:
    """Return the recorded promises of several workers: a cooldown of 60 s after two failed requests."""
    policy = compiled({**COMMON["reliability"], "router_settings": router})
    return recorded_promises.to_text(worker_promises.applied(policy, count, SHARING))


def skipped(*times: float) -> list[Asked]:
    """Make requests that do not reach the deployment."""
    return [Asked(at, [cold(), good(CHEAP, 0.01)]) for at in times]


def named(*tries: Try) -> list[Asked]:
    """Make requests ten seconds apart that fail with a Retry-After, and are answered by a fallback."""
    return [Asked(10.0 * (place + 1), [one, good(CHEAP, 1)]) for place, one in enumerate(tries)]


# --- Retry-After


def test_a_cooldown_as_long_as_a_vendor_asks_for_keeps_every_promise(traffic: Traffic) -> None:
    traffic.write([*named(asks(30), asks(30)), *skipped(30, 45), Asked(55, [good()])])
    assert traffic.verdicts() == dict.fromkeys(PROMISES, KEPT)
    assert traffic.promises()[RETURN]["promised"] == "within 40.0 s"


@pytest.mark.parametrize(("status", "seconds"), [(429, 30), (503, 30), (500, 30), (429, -1), (503, -1), (429, 300)])
def test_a_cooldown_that_was_too_short_breaks_its_promise(traffic: Traffic, status: int, seconds: int) -> None:
    traffic.write([*named(*[asks(seconds, status)] * 2), Asked(35, [good()]), Asked(40, [good()])])
    found = traffic.promises()[COOLDOWN]
    assert (found["verdict"], found["requests"], found["why"]) == (BROKEN, ["r35", "r40"], "")


@pytest.mark.parametrize("status", [429, 503])
def test_what_an_earlier_flowgate_did_not_record_stays_unknown(traffic: Traffic, status: int) -> None:
    traffic.write([*named(*[asks(None, status)] * 2), Asked(35, [good()])])
    assert traffic.promises()[COOLDOWN]["why"] == NOT_RECORDED


@pytest.mark.parametrize("count", [2, 12])
def test_a_short_cooldown_that_a_vendor_asks_for_breaks_nothing(traffic: Traffic, count: int) -> None:
    traffic.write([*named(*[asks(4)] * count), Asked(10.0 * count + 6, [good()])])
    assert not {BROKEN, UNKNOWN} & {*traffic.verdicts().values()}


def test_a_long_cooldown_that_a_vendor_asks_for_is_no_late_return(traffic: Traffic) -> None:
    traffic.write([*named(asks(300), asks(300)), *skipped(100, 200, 310), Asked(325, [good()])])
    assert traffic.verdicts()[RETURN] == KEPT
    traffic.write([*named(asks(30), asks(30)), *skipped(100, 200, 310), Asked(325, [good()])], promises(num_retries=1))
    assert traffic.verdicts(1)[RETURN] == BROKEN


def test_of_several_lengths_the_shortest_must_be_kept_and_the_longest_may_be(traffic: Traffic) -> None:
    late = Asked(20.05, [(DEFAULT, 0.0, "RateLimitError", 429, 0.3, 100), good(CHEAP, 1)], name="late")
    traffic.write([*named(asks(10), asks(10)), late, *skipped(25, 50, 110), Asked(125, [good()])])
    assert (traffic.verdicts()[COOLDOWN], traffic.verdicts()[RETURN]) == (KEPT, KEPT)
    traffic.write([*named(asks(10), asks(10)), late, Asked(25, [good()])], promises(num_retries=1))
    assert traffic.promises(1)[COOLDOWN]["requests"] == ["r25"]


def test_a_vendor_that_asks_for_no_pause_starts_no_cooldown(traffic: Traffic) -> None:
    traffic.write(named(*[asks(0)] * 8))
    assert {traffic.verdicts()[one] for one in (COOLDOWN, RETURN, ATTEMPTS_PER_MINUTE)} == {NOT_EXERCISED}


def test_attempts_beside_such_that_start_no_cooldown_are_not_counted_against_it(traffic: Traffic) -> None:
    traffic.write([Asked(0.4 * at, [asks(0)]) for at in range(40)] + named(asks(30), asks(30)))
    assert traffic.promises()[ATTEMPTS_PER_MINUTE]["why"] == ASKED_FOR_NONE


def test_a_deployments_own_cooldown_time_wins_over_the_vendor(traffic: Traffic) -> None:
    first, second = MODELS
    params: Any = first["litellm_params"]
    own = [{**first, "litellm_params": {**params, "cooldown_time": 20}}, second]
    text = recorded_promises.to_text(compiled(COMMON["reliability"], base={"model_list": own}))
    traffic.write([*named(asks(1), asks(None)), Asked(35, [good()])], text)
    assert traffic.promises()[COOLDOWN]["requests"] == ["r35"]


def test_failures_that_litellm_may_not_count_stay_unknown(traffic: Traffic) -> None:
    late: Try = bad(status=408, error="Timeout")
    traffic.write([Asked(10, [late, good(CHEAP, 1)]), Asked(20, [late, good(CHEAP, 1)]), Asked(35, [good()])])
    assert traffic.promises()[COOLDOWN]["why"] == NOT_COUNTED


@pytest.mark.parametrize(("seconds", "verdict"), [(-1, BROKEN), (5, BROKEN), (40, KEPT), (61, BROKEN), (None, KEPT)])
def test_a_wait_may_be_longer_by_what_a_vendor_asks_for(traffic: Traffic, seconds: int | None, verdict: str) -> None:
    traffic.write([Asked(10, [asks(seconds), good(after=45.0)])])
    assert traffic.verdicts()[LONGEST_WAIT] == verdict


# --- workers


def test_each_worker_keeps_its_own_cooldown(traffic: Traffic) -> None:
    text = of_workers(2)
    traffic.write(OUTAGE, text)
    traffic.write([Asked(one.at + 13, one.tries) for one in OUTAGE[1:]], text, worker=2)
    assert traffic.verdicts() == dict.fromkeys(PROMISES, KEPT)
    assert len(traffic.audit().outages()[0]["cooldowns"]) == 2


def test_a_worker_that_breaks_its_promise_is_named_with_its_requests(traffic: Traffic) -> None:
    text = of_workers(2)
    traffic.write(OUTAGE, text)
    traffic.write([*(Asked(at, failing(1)) for at in (12, 22, 33, 44)), *skipped(50)], text, worker=2)
    found = traffic.promises()[COOLDOWN]
    assert (found["verdict"], found["requests"]) == (BROKEN, ["r33", "r44"])
    assert found["observed"] == "not within 4 (worker 2 of generation 1)"


def test_a_worker_that_replaces_another_starts_with_no_cooldown(traffic: Traffic) -> None:
    text = of_workers(2)
    traffic.write(OUTAGE[:3], text)
    anew = [Asked(22, failing(4)), Asked(28, failing(1)), *skipped(40), Asked(95, [good()])]
    traffic.write(anew, text, worker=3)
    assert BROKEN not in traffic.verdicts().values()
    assert traffic.verdicts()[COOLDOWN] == KEPT


def test_one_worker_may_ask_while_another_is_in_cooldown(traffic: Traffic) -> None:
    text = of_workers(2)
    traffic.write(OUTAGE, text)
    traffic.write([Asked(at, [good()]) for at in range(25, 70, 5)], text, worker=2)
    assert BROKEN not in traffic.verdicts().values()


# --- workers that share their cooldowns in Redis


def share(traffic: Traffic, first: list[Asked], second: list[Asked]) -> None:
    text = of_workers(2, **REDIS)
    traffic.write(first, text, version=SHARING)
    traffic.write(second, text, version=SHARING, worker=2)


def test_shared_cooldowns_are_judged_over_all_workers(traffic: Traffic) -> None:
    share(traffic, [Asked(10, failing(1)), *skipped(30), Asked(90, [good()])], [Asked(20, failing(1)), *skipped(40)])
    assert (traffic.verdicts()[COOLDOWN], traffic.verdicts()[RETURN]) == (KEPT, KEPT)
    assert len(traffic.audit().outages()[0]["cooldowns"]) == 1


def test_another_worker_may_learn_of_a_shared_cooldown_late(traffic: Traffic) -> None:
    share(
        traffic, [Asked(10, failing(1)), Asked(20.9, failing(1)), *skipped(30)], [Asked(20, failing(1)), *skipped(40)]
    )
    assert (traffic.verdicts()[COOLDOWN], BROKEN in traffic.verdicts().values()) == (KEPT, False)


def test_what_an_absent_redis_explains_is_unknown(traffic: Traffic) -> None:
    share(traffic, [Asked(10, failing(1)), Asked(30, [good()])], [Asked(20, failing(1))])
    found = traffic.promises()[COOLDOWN]
    assert (found["verdict"], found["why"]) == (UNKNOWN, REDIS_AWAY)


def test_what_no_absent_redis_explains_is_broken(traffic: Traffic) -> None:
    share(traffic, [Asked(at, failing(1)) for at in (10, 20, 30)], [Asked(20, failing(1)), Asked(40, [good()])])
    found = traffic.promises()[COOLDOWN]
    assert (found["verdict"], found["requests"]) == (BROKEN, ["r30"])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_late_return_proves_nothing_where_others_may_share_the_redis(traffic: Traffic, workers: int) -> None:
    asked = [*OUTAGE[:4], *skipped(100), Asked(120, [good()])]
    traffic.write(asked, of_workers(workers, **REDIS), version=SHARING)
    assert traffic.promises()[RETURN]["why"] == OTHERS
