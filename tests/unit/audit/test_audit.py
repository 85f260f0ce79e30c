"""An audit finds each outage in live traffic, and says which promises were kept."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.audit.audit import NOT_EXERCISED, PROMISES, UNKNOWN
from flowgate.rehearsal.comparisons import (
    ANSWERED,
    ATTEMPTS,
    ATTEMPTS_PER_MINUTE,
    BROKEN,
    COOLDOWN,
    KEPT,
    LONGEST_WAIT,
    NO_DELAY,
    RETURN,
)
from tests.unit.audit.conftest import CHEAP, OUTAGE, Asked, Traffic, bad, cold, failing, good, promises


def test_an_outage_as_promised_keeps_every_promise(traffic: Traffic) -> None:
    traffic.write(OUTAGE)
    assert traffic.verdicts() == dict.fromkeys(PROMISES, KEPT)
    [outage] = traffic.audit().outages()
    assert (outage["deployment"], outage["seconds"], outage["cause"]) == ("openai/router-default", 80.0, "vendor")
    assert (outage["failed_attempts"], outage["requests"], outage["answered"]) == (5, 4, 4)
    assert len(outage["cooldowns"]) == 1


def test_without_an_outage_nothing_is_exercised(traffic: Traffic) -> None:
    traffic.write([Asked(at, [good()]) for at in range(50)])
    assert traffic.verdicts() == dict.fromkeys(PROMISES, NOT_EXERCISED)
    assert traffic.audit().outages() == []


BREACHES: dict[str, tuple[list[Asked], str, list[str]]] = {
    "one attempt too many": ([Asked(10, failing(5))], ATTEMPTS, ["r10"]),
    "a cooldown too late": (
        [Asked(10, failing(4)), Asked(20, failing(1)), Asked(30, failing(1)), Asked(40, [cold(), good(CHEAP)])],
        COOLDOWN,
        ["r30"],
    ),
    "no cooldown": ([Asked(10 * at, failing(4)) for at in range(1, 6)], COOLDOWN, ["r30", "r40", "r50"]),
    "attempts without end": (
        [Asked(10 * at, failing(4)) for at in range(1, 6)],
        ATTEMPTS_PER_MINUTE,
        ["r10", "r20", "r30", "r40", "r50"],
    ),
    "a wait too long": ([Asked(10, [bad(), good(CHEAP, 40.0)])], LONGEST_WAIT, ["r10"]),
    "a wait too long for an error": ([Asked(10, [bad(), bad(CHEAP, 40.0)])], LONGEST_WAIT, ["r10"]),
    "no answer": ([Asked(10, [bad()])], ANSWERED, ["r10"]),
    "a delay in the cooldown": (
        [*OUTAGE[:3], Asked(30, [cold(), good(CHEAP, 2.0)]), Asked(40, [cold(), good(CHEAP, 2.0)])],
        NO_DELAY,
        ["r30", "r40"],
    ),
    "never back": (
        [*OUTAGE[:4], Asked(100, [cold(), good(CHEAP)]), Asked(120, [cold(), good(CHEAP)])],
        RETURN,
        ["r100"],
    ),
    "back too late": ([*OUTAGE[:4], Asked(100, [cold(), good(CHEAP)]), Asked(120, [good()])], RETURN, ["r100"]),
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_broken_promise_is_named_with_its_requests(traffic: Traffic, breach: str) -> None:
    asked, promise, requests = BREACHES[breach]
    traffic.write(asked)
    found = traffic.promises()[promise]
    assert (found["verdict"], found["requests"]) == (BROKEN, requests)


NO_BREACHES: dict[str, list[Asked]] = {
    "a request's own error": [Asked(at, [bad(status=400, error="BadRequestError")]) for at in range(20)],
    "a client that leaves": [Asked(at, [bad(status=None, error="CancelledError")]) for at in range(20)],
    "the process is killed": [Asked(at, [bad(status=None, error="in progress")]) for at in range(20)],
    "a shortage of this machine": [Asked(at, failing(1), obstacle="no file descriptor left") for at in range(20)],
    "parallel requests": [*(Asked(10 + at / 100, failing(4)) for at in range(20)), Asked(30, [cold(), good(CHEAP)])],
    "failures that expire": [Asked(70 * at, [*failing(1)]) for at in range(9)],
    "both models fail": [
        *(Asked(10, [bad(), bad(CHEAP, 1)]), Asked(11, [bad(), bad(CHEAP, 1)])),
        *(Asked(20, [cold()]), Asked(30, [cold()])),
    ],
    "a long answer": [Asked(10, [bad(), (CHEAP, 1.0, "", 200, 500.0)])],
    "a slow refusal": [Asked(10, [("router-default", 0.0, "InternalServerError", 500, 90.0), good(CHEAP, 91.0)])],
    "nobody asks during the cooldown": [*OUTAGE[:3], Asked(300, [good()])],
    "back with the first request, which waited in the gateway": [
        *OUTAGE[:4],
        Asked(98, [good(after=1.5)]),
    ],
    "it fails again after the cooldown": [
        *OUTAGE[:5],
        Asked(90, failing(4)),
        Asked(95, failing(1)),
        Asked(99, [cold(), good(CHEAP)]),
    ],
}


@pytest.mark.parametrize("case", NO_BREACHES)
def test_what_breaks_no_promise_is_not_called_broken(traffic: Traffic, case: str) -> None:
    traffic.write(NO_BREACHES[case])
    assert BROKEN not in traffic.verdicts().values(), traffic.promises()


def test_failures_that_a_vendor_may_have_timed_are_unknown(traffic: Traffic) -> None:
    asked = [Asked(10 * at, [bad(status=429, error="RateLimitError"), good(CHEAP, 1)]) for at in range(1, 9)]
    traffic.write(asked)
    found = traffic.promises()
    assert (found[COOLDOWN]["verdict"], "Retry-After" in found[COOLDOWN]["why"]) == (UNKNOWN, True)
    assert (found[ATTEMPTS]["verdict"], found[ANSWERED]["verdict"]) == (KEPT, KEPT)


def test_two_outages_at_once_are_both_found(traffic: Traffic) -> None:
    both = [Asked(12 + at, [bad(CHEAP)], CHEAP, name=f"c{at}") for at in range(2)]
    traffic.write([*OUTAGE, *both, Asked(95, [good(CHEAP)], CHEAP)])
    found = [(one["deployment"], one["seconds"]) for one in traffic.audit().outages()]
    assert ("openai/router-default", 80.0) in found
    assert {deployment for deployment, _ in found} == {"openai/router-default", "openai/router-cheap"}


def test_an_outage_across_a_switch_is_one_outage_and_two_profiles(traffic: Traffic) -> None:
    traffic.write(OUTAGE[:3], profile="balanced")
    traffic.write([Asked(25, failing(1)), Asked(30, failing(1)), Asked(90, [good()])], promises("reliability"), "cost")
    [outage] = traffic.audit().outages()
    assert (outage["profiles"], outage["generations"], outage["failed_attempts"]) == (["balanced", "cost"], [1, 2], 7)
    assert [one["profile"] for one in traffic.audit().profiles()] == ["balanced", "cost"]
    assert BROKEN not in {*traffic.verdicts(0).values(), *traffic.verdicts(1).values()}
    assert traffic.audit("cost").profiles()[0]["requests"] == 3


def test_an_outage_across_a_kill_begins_to_count_anew(traffic: Traffic) -> None:
    traffic.write(OUTAGE[:3])
    traffic.write([Asked(22, failing(4)), Asked(28, failing(1)), Asked(40, [cold(), good(CHEAP)]), Asked(95, [good()])])
    assert BROKEN not in traffic.verdicts().values()
    assert len(traffic.audit().outages()) == 1


def test_promises_are_those_in_force_when_requests_were_served(traffic: Traffic) -> None:
    traffic.write(OUTAGE, promises(allowed_fails=0, num_retries=0))
    traffic.write([Asked(one.at + 1000, one.tries) for one in OUTAGE])
    assert traffic.verdicts(0)[ATTEMPTS] == BROKEN
    assert set(traffic.verdicts(1).values()) == {KEPT}


@pytest.mark.parametrize("text", ["", "{}", '{"version": 99}', "[]", "no json"])
def test_without_recorded_promises_every_verdict_is_unknown(traffic: Traffic, text: str) -> None:
    traffic.write(OUTAGE, text)
    assert set(traffic.verdicts().values()) == {UNKNOWN}
    assert len(traffic.audit().outages()) == 1


def test_promises_that_were_never_measured_are_unknown(traffic: Traffic) -> None:
    traffic.write(OUTAGE, version="1.109.9")
    assert set(traffic.verdicts().values()) == {UNKNOWN}


@pytest.mark.parametrize(
    ("router", "unknown"),
    [
        ({"enable_weighted_failover": True}, {ATTEMPTS, ATTEMPTS_PER_MINUTE, COOLDOWN, LONGEST_WAIT, NO_DELAY, RETURN}),
        ({"retry_after": 5}, {LONGEST_WAIT, NO_DELAY}),
    ],
)
def test_a_setting_that_was_not_measured_makes_its_promises_unknown(
    traffic: Traffic, router: Any, unknown: set[str]
) -> None:
    traffic.write(OUTAGE, promises(**router))
    assert {promise for promise, verdict in traffic.verdicts().items() if verdict == UNKNOWN} == unknown


@pytest.mark.parametrize(
    ("error", "obstacle", "cause"),
    [("not asked", "CLIProxyAPIPlus is down", "service"), ("APIError", "no memory left", "machine")],
)
def test_an_outage_that_no_vendor_caused_is_named_so(traffic: Traffic, error: str, obstacle: str, cause: str) -> None:
    traffic.write([Asked(1, [bad(status=None, error=error), good(CHEAP, 1)], obstacle=obstacle), Asked(9, [good()])])
    [outage] = traffic.audit().outages()
    assert (outage["cause"], outage["obstacle"]) == (cause, obstacle)
    assert BROKEN not in traffic.verdicts().values()


@pytest.mark.parametrize(
    ("status", "error", "obstacle", "named"),
    [
        *((500, "InternalServerError", "", "500"), (500, "connection refused", "", "connection refused")),
        *((408, "Timeout", "", "timeout"), (504, "Timeout", "", "timeout"), (401, "AuthenticationError", "", "401")),
        *((None, "the stream broke off", "", "the stream broke off"), (None, "APIError", "", "refusal")),
        *((500, "host not found", "", "host not found"), (500, "APIError", "no memory left", "machine")),
        (503, "not asked", "CLIProxyAPIPlus is down", "service"),
    ],
)
def test_an_error_is_named_as_people_call_it(
    traffic: Traffic, status: int | None, error: str, obstacle: str, named: str
) -> None:
    traffic.write([Asked(1, [bad(status=status, error=error), good(CHEAP, 1)], obstacle=obstacle)])
    assert traffic.audit().outages()[0]["errors"] == {named: 1}


def test_requests_that_break_a_promise_are_named_in_the_order_of_time(traffic: Traffic) -> None:
    traffic.write([Asked(10, failing(6)), Asked(300, failing(5)), Asked(600, failing(7))])
    found = traffic.promises()[ATTEMPTS]
    assert (found["observed"], found["requests"]) == ("7", ["r10", "r300", "r600"])
