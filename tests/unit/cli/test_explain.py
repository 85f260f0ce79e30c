"""`explain` over the ledger: history outlives a generation, and can be filtered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import pytest

from flowgate.cli import explain
from flowgate.cli.request_lines import describe_request
from flowgate.errors import CheckFailed, InvalidValue, NotReady
from flowgate.ledger.history import Wanted
from flowgate.system.clock import Clock
from tests.unit.ledger.conftest import entry, id_of, record

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace
    from tests.unit.steps.conftest import FakeSupervisor

Captured = pytest.CaptureFixture[str]
NOW = Clock().wall().timestamp()


@pytest.fixture
def recorded(place: Workspace) -> Workspace:
    """A ledger with four requests: the second failed, the third was slow, the last is FlowGate's own."""
    more: tuple[dict[str, Any], ...] = (
        {"at": NOW - 9000, "request_id": "aa1", "seconds": 1.0},
        {"at": NOW - 300, "request_id": "bb2", "error": "Timeout", "status": 504, "price": "", "prompt_tokens": None},
        {"at": NOW - 200, "request_id": "cc3", "seconds": 20.0, "price": "subscription"},
        {"at": NOW - 100, "request_id": "dd4", "client": "flowgate"},
    )
    record(place.runtime / "ledger.sqlite", *(entry(**one) for one in more))
    return place


def found(capsys: Captured, *given: Any) -> list[str]:
    explain.explain("", explain.read_wanted(*given), True)
    return [one["id"] for one in json.loads(capsys.readouterr().out)["answers"]]


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        (("", "", False, False, ""), ["cc3"]),
        (("2", "", False, False, ""), ["bb2", "cc3"]),
        (("9", "", False, False, ""), ["aa1", "bb2", "cc3"]),
        (("", "", True, False, ""), ["bb2"]),
        (("", "", False, True, ""), ["bb2", "aa1", "cc3"]),
        (("1", "", False, True, ""), ["cc3"]),
        (("", "", False, False, "1h"), ["bb2", "cc3"]),
        (("", "", True, False, "250s"), []),
        (("", "a", False, False, ""), ["aa1"]),
        (("", "dd", False, False, ""), ["dd4"]),
    ],
)
def test_requests_are_found(recorded: Workspace, capsys: Captured, given: Any, ids: list[str]) -> None:
    assert found(capsys, *given) == ids


def test_a_recorded_request_is_described(recorded: Workspace, capsys: Captured) -> None:
    explain.explain("", Wanted(last=3), False)
    printed = capsys.readouterr()
    first, failed, tried, last = printed.out.splitlines()
    assert first.endswith("m answered by openai/m at h:1, at the first try, no fallback; 10 + 5 tokens, $0.2500")
    assert failed.endswith("m /v1/chat/completions: no deployment answered")
    assert tried == "    1. m: openai/m at h:1: Timeout (200) after 0.50 s"
    assert last.endswith("10 + 5 tokens, ≈$0.2500 not billed")
    assert "litellm is not running; this is what the ledger holds" in printed.err


def test_without_anything_recorded_a_gateway_must_run(place: Workspace) -> None:
    with pytest.raises(NotReady):
        explain.explain("", Wanted(), False)


def test_an_unknown_id_fails(recorded: Workspace) -> None:
    with pytest.raises(CheckFailed, match="begins with 'zz'"):
        explain.explain("", Wanted("zz"), False)


@pytest.mark.parametrize("given", [("0", "", False, False, ""), ("x", "", True, False, ""), ("", "", True, True, "so")])
def test_wrong_flags_are_refused(given: Any) -> None:
    with pytest.raises(InvalidValue):
        explain.read_wanted(*given)


def test_a_request_that_a_generation_still_knows_is_listed_once(session: Session, recorded: Workspace) -> None:
    live: dict[str, Any] = {"path": "/v1/chat/completions", "method": "POST", "at": NOW - 200, "status": 200}
    live |= {"headers": {"x-litellm-call-id": "cc3"}, "generation": 2, "seconds": 20.0, "attempts": []}
    newest = {**live, "at": NOW - 1, "headers": {"x-litellm-call-id": "ee5"}}
    cast("FakeSupervisor", session.supervisor).recent = [live, newest]
    listed, _ = explain.find(session, Wanted(last=3))
    assert [(one["id"], one["profile"]) for one in listed] == [("bb2", "balanced"), ("cc3", "balanced"), ("ee5", "")]


@pytest.mark.parametrize("others", [0, 1])
def test_a_request_that_was_recorded_while_it_was_in_progress_is_listed_once(
    session: Session, place: Workspace, others: int
) -> None:
    unfinished: dict[str, Any] = {
        "at": NOW - 5,
        "request_id": "",
        "status": None,
        "seconds": None,
        "prompt_tokens": None,
    }
    more = [entry(id_of(NOW - 5) + 1, **unfinished, path="/v1/messages")] * others
    record(place.runtime / "ledger.sqlite", entry(**unfinished), *more)
    live: dict[str, Any] = {"path": "/v1/chat/completions", "method": "POST", "at": NOW - 5, "status": 200}
    live |= {"headers": {"x-litellm-call-id": "cc3"}, "generation": 2, "seconds": 2.0, "attempts": []}
    cast("FakeSupervisor", session.supervisor).recent = [live]
    listed, _ = explain.find(session, Wanted(last=9))
    assert sorted(one["id"] for one in listed) == ["", "cc3"][1 - others :]


def test_the_litellm_that_served_is_named_where_another_one_serves_now(
    recorded: Workspace, capsys: Captured, session: Session
) -> None:
    listed, _ = explain.find(session, Wanted(last=1))
    served = listed[0]["litellm"]
    assert served
    lines = ["".join(describe_request(listed[0], now)) for now in ("1.999.0", served)]
    assert [f"generation 1 (LiteLLM {served})" in line for line in lines] == [True, False]
