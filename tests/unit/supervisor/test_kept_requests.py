"""The last requests of drained generations can still be read, until the service is stopped."""

from __future__ import annotations

import http.client
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor import kept_requests
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.worker_client import control_path
from tests.conftest import until
from tests.unit.supervisor.test_handover import hand_over, phases

App = Callable[..., Program]
ROWS = [{"path": "/v1/chat/completions", "method": "POST", "at": 1.0}]


def ask(program: Program, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", program.port, timeout=60)
    connection.request("POST", path)
    connection.getresponse().read()
    connection.close()


def settled(supervisor: SupervisorClient, number: int) -> None:
    until(lambda: list(phases(supervisor)) == [number])


def seen(supervisor: SupervisorClient) -> list[tuple[str, int]]:
    return [(row["path"], row["generation"]) for row in supervisor.recent_requests("app")]


def test_requests_of_drained_generations_are_listed_until_the_service_stops(
    supervisor: SupervisorClient, app: App, way: str
) -> None:
    for number in range(1, 6):
        one = app(f"n{number}", way=way, recorded_headers=("x-",))
        assert hand_over(supervisor, one) == number
        ask(one, f"/{number}")
        settled(supervisor, number)
    assert seen(supervisor) == [(f"/{number}", number) for number in (2, 3, 4, 5)]
    supervisor.stop(["app"])
    assert seen(supervisor) == []
    assert list(supervisor.folder.glob("*.requests")) == []


def test_a_candidate_that_is_dismissed_leaves_them(supervisor: SupervisorClient, app: App) -> None:
    for name in ("one", "two"):
        hand_over(supervisor, app(name, recorded_headers=("x-",)))
        ask(app(name), f"/{name}")
    settled(supervisor, 2)
    number = supervisor.start(app("three"))["generation"]
    supervisor.wait("app", number, 60)
    supervisor.discard("app", number)
    settled(supervisor, 2)
    assert seen(supervisor) == [("/one", 1), ("/two", 2)]


@pytest.mark.parametrize("damage", [b"", b"null", b"\xff", b"0123456789ab\n[]", b"0123456789ab\n[1]"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    control = control_path(tmp_path, "app", 1)
    kept_requests.keep(control, ROWS)  # type: ignore[arg-type]
    assert kept_requests.read(tmp_path, "app", 1) == ROWS
    control.with_suffix(".requests").write_bytes(damage)
    assert kept_requests.read(tmp_path, "app", 1) == []


def test_a_pipe_or_a_folder_in_its_place_is_no_wait_and_no_error(tmp_path: Path) -> None:
    control = control_path(tmp_path, "app", 1)
    os.mkfifo(control.with_suffix(".requests"))
    control_path(tmp_path, "app", 2).with_suffix(".requests").mkdir()
    for number in (1, 2):
        kept_requests.keep(control_path(tmp_path, "app", number), ROWS)  # type: ignore[arg-type]
        assert kept_requests.read(tmp_path, "app", number) == []


def test_refusals_are_kept_and_discarded_with_the_requests(tmp_path: Path) -> None:
    refused = [{"client": "laptop", "kind": "too_many", "count": 3}]
    kept_requests.keep(control_path(tmp_path, "app", 1), ROWS, refused)  # type: ignore[arg-type]
    assert kept_requests.read_refusals(tmp_path, "app", 1) == refused
    kept_requests.discard(tmp_path, "app", 1, all_of_them=True)
    assert (kept_requests.read_refusals(tmp_path, "app", 1), list(tmp_path.iterdir())) == ([], [])


def test_no_refusals_need_no_file(tmp_path: Path) -> None:
    kept_requests.keep(control_path(tmp_path, "app", 1), ROWS, [])  # type: ignore[arg-type]
    assert [one.suffix for one in tmp_path.iterdir()] == [".requests"]
