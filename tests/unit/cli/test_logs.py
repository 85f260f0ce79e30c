from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import logs
from flowgate.errors import InvalidValue, UnknownName, UsageError
from flowgate.system.clock import stamp

if TYPE_CHECKING:
    from tests.conftest import Workspace

Captured = pytest.CaptureFixture[str]
NOW = datetime.now(UTC)
EVENTS = (("smoke", "", 300), ("service_start", "litellm", 200), ("service_exit", "litellm", 100), ("play", "", 1))


@pytest.fixture
def log(place: Workspace) -> list[str]:
    """Write an event log; return its lines."""
    lines = [
        json.dumps(
            {"event": event, "service": service, "result": "ok", "timestamp": stamp(NOW - timedelta(minutes=ago))}
        )
        for event, service, ago in EVENTS
    ]
    (place.runtime / "events.log").write_text("".join(f"{line}\n" for line in lines))
    return lines


@pytest.mark.parametrize(
    "filters, found",
    [
        ({}, [0, 1, 2, 3]),
        ({"lines": 2}, [2, 3]),
        ({"service": "litellm"}, [1, 2]),
        ({"event": "smoke"}, [0]),
        ({"service": "litellm", "event": "smoke"}, []),
        ({"since": "150m"}, [2, 3]),
        ({"since": "4h"}, [1, 2, 3]),
        ({"since": stamp(NOW - timedelta(minutes=90))}, [3]),
        ({"lines": 1, "service": "litellm"}, [2]),
    ],
)
def test_events_are_filtered(log: list[str], capsys: Captured, filters: dict[str, object], found: list[int]) -> None:
    known: dict[str, object] = {"lines": 20, "follow": False, "service": "", "event": "", "since": "", "as_json": True}
    logs.events("", **(known | filters))  # type: ignore[arg-type]
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [{"version": 1, **json.loads(log[number])} for number in found]


@pytest.mark.parametrize("damaged", ['{"event": ', "5", '["x"]'])
def test_a_damaged_line_is_reported_and_skipped(
    log: list[str], place: Workspace, capsys: Captured, damaged: str
) -> None:
    with (place.runtime / "events.log").open("a") as file:
        file.write(f"{damaged}\n")
    logs.events("", 2, False, "", "", "", True)
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 1
    assert "contains a damaged line" in printed.err


def test_an_event_is_one_readable_line(log: list[str], capsys: Captured) -> None:
    logs.events("", 1, False, "", "", "", False)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[1:] == ["play", "ok"]


@pytest.mark.parametrize("since", ["soon", "10", "1w", "m"])
def test_an_invalid_time_is_an_error(place: Workspace, since: str) -> None:
    with pytest.raises(InvalidValue, match="10m, 2h, 1d"):
        logs.events("", 1, False, "", "", since, False)


def test_a_missing_event_log_is_no_error(place: Workspace, capsys: Captured) -> None:
    assert logs.events("", 20, False, "", "", "", False) == 0
    assert capsys.readouterr().out == ""


def test_the_last_lines_of_a_log_are_printed(place: Workspace, capsys: Captured) -> None:
    folder = place.runtime / "process-logs"
    folder.mkdir()
    (folder / "litellm.log").write_text("one\ntwo\nthree\n")
    assert logs.logs("", "litellm", 2, False) == 0
    assert capsys.readouterr().out == "two\nthree\n"


def test_a_service_without_a_log_says_so(place: Workspace, capsys: Captured) -> None:
    assert logs.logs("", "litellm", 2, False) == 0
    assert "has no log yet" in capsys.readouterr().err


def test_an_unknown_service_gets_a_suggestion(place: Workspace) -> None:
    with pytest.raises(UnknownName) as error:
        logs.logs("", "litelm", 2, False)
    assert error.value.fix == "did you mean 'litellm'?"


def test_a_missing_key_names_the_command_that_generates_it(place: Workspace) -> None:
    with pytest.raises(UsageError) as error:
        logs.key_path("")
    assert error.value.fix == "inv up"


@pytest.mark.parametrize("words", [("events", "--follow"), ("service.logs", "litellm", "--follow")])
def test_new_lines_are_printed_until_ctrl_c(log: list[str], place: Workspace, words: tuple[str, ...]) -> None:
    from tests.conftest import wait

    (place.runtime / "process-logs").mkdir()
    service_log = place.runtime / "process-logs" / "litellm.log"
    service_log.write_text("old\n")
    running = place.start(*words)
    assert wait(lambda: running.out.read_text())
    for path, line in ((place.runtime / "events.log", log[0].replace("smoke", "fresh")), (service_log, "fresh")):
        with path.open("a") as file:
            file.write(f"{line}\n")
    assert wait(lambda: "fresh" in running.out.read_text())
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
