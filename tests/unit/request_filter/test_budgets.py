"""Exhausted budgets refuse requests, in the client's dialect and until their period ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from flowgate.domain import budget_state
from flowgate.domain.budget_state import BudgetState, LimitState
from flowgate.request_filter.filter import RequestFilter
from tests.unit.request_filter.asking import BODY, CHAT, Gateway, gateway

OWN = "sk-one"
DAY = 86_400.0  # what is made when tests are collected must outlast them
GOOGLE = "/v1beta/models/router-default:generateContent"


@pytest.fixture
def one(tmp_path: Path) -> Gateway:
    return gateway(tmp_path)


def write(folder: Path, *limits: LimitState) -> str:
    path = folder / "budgets.json"
    path.write_text(budget_state.text(BudgetState({f"b{n}.daily_usd": one for n, one in enumerate(limits)})))
    return str(path)


def reached(client: str = "", act: str = "refuse", seconds: float = 90.0, exhausted: float = 1.0) -> LimitState:
    return LimitState(client, act, "daily_usd of $2.00", 2.0, time.time() + seconds, True, exhausted)


def layer(place: Gateway, folder: Path, *limits: LimitState) -> RequestFilter:
    return place.worker(budgets=write(folder, *limits))


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        (CHAT, ("error", "code", "insufficient_quota")),
        ("/v1/responses", ("error", "code", "insufficient_quota")),
        ("/v1/messages", ("error", "type", "rate_limit_error")),
        (GOOGLE, ("error", "status", "RESOURCE_EXHAUSTED")),
    ],
)
def test_a_client_is_refused_in_its_dialect(
    one: Gateway, tmp_path: Path, path: str, shape: tuple[str, str, str]
) -> None:
    found = one.ask(one.add("ci"), path, layer=layer(one, tmp_path, reached("ci")))
    assert (found.status, found.tree[shape[0]][shape[1]]) == (429, shape[2])
    assert 80 < int(found.headers["retry-after"]) <= 90
    assert "UTC" in found.tree["error"]["message"]


@pytest.mark.parametrize(
    ("limit", "client", "status"),
    [
        (reached("ci", seconds=DAY), "ci", 429),
        (reached("ci", seconds=DAY), "laptop", 200),
        (reached("", seconds=DAY), "laptop", 429),
        (reached("ci", act="warn", seconds=DAY), "ci", 200),
        (reached("ci", act="profile: cost", seconds=DAY), "ci", 200),
        (reached("ci", seconds=-1.0), "ci", 200),
        (reached("ci", exhausted=0.0, seconds=DAY), "ci", 200),
    ],
)
def test_only_whom_it_concerns_is_refused(
    one: Gateway, tmp_path: Path, limit: LimitState, client: str, status: int
) -> None:
    assert one.ask(one.add(client), layer=layer(one, tmp_path, limit)).status == status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/messages/count_tokens"), ("GET", "/health/readiness")]
)
def test_what_asks_no_model_is_served(one: Gateway, tmp_path: Path, method: str, path: str) -> None:
    body = {"model": "router-default", "messages": BODY["messages"]}
    assert one.ask(one.add("ci"), path, body, method=method, layer=layer(one, tmp_path, reached())).status == 200


def test_of_two_budgets_the_one_that_ends_last_is_named(one: Gateway, tmp_path: Path) -> None:
    found = one.ask(one.add("ci"), layer=layer(one, tmp_path, reached("", seconds=50), reached("ci", seconds=5000)))
    assert int(found.headers["retry-after"]) > 4000


def test_a_refused_request_is_not_in_progress(one: Gateway, tmp_path: Path) -> None:
    key, worker = one.add("ci", max_parallel=1), layer(one, tmp_path, reached("ci"))
    assert [one.ask(key, layer=worker).status for _ in range(3)] == [429, 429, 429]
    write(tmp_path)
    assert one.ask(key, layer=worker).status == 200


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 9}'])
def test_a_damaged_file_changes_nothing(one: Gateway, tmp_path: Path, text: str) -> None:
    key, worker = one.add("ci"), layer(one, tmp_path, reached("ci"))
    assert one.ask(key, layer=worker).status == 429
    (tmp_path / "budgets.json").write_text(text or "null")
    assert one.ask(key, layer=worker).status == 429


def test_the_refusal_is_counted(one: Gateway, tmp_path: Path) -> None:
    worker = layer(one, tmp_path, reached("ci"))
    one.ask(one.add("ci"), layer=worker)
    assert worker.refusals.rows() == [{"client": "ci", "kind": "budget", "count": 1}]
