from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import event_log, logs
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
    event_log.events("", **(known | filters))  # type: ignore[arg-type]
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert printed == [{"version": 1, **json.loads(log[number])} for number in found]


DAMAGED = [
    *('{"event": ', "5", "null", "[]", '["x"]', "{}", '{"event": 5}', '{"event": "play", "timestamp": 1}', "\0\0\0"),
    *("[" * 100_000, '{"event": "' + "x" * 1_100_000 + '"}', '{"event": null}', "\ufeff", "NaN", "9" * 5000),
]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("damaged", DAMAGED, ids=lambda text: text[:12].encode().hex())
def test_lines_that_are_no_events_are_skipped_and_counted(
    log: list[str], place: Workspace, capsys: Captured, damaged: str, as_json: bool
) -> None:
    with (place.runtime / "events.log").open("a") as file:
        file.write(f"{damaged}\n{damaged}")
    event_log.events("", 2, False, "", "", "", as_json)
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 2
    assert "2 lines of" in printed.err
    assert "could not be read" in printed.err


@pytest.mark.parametrize("typed", ["9" * 4000 + "d", "99999999d", "\u0661d", "2026-13-01", "2026-01-31T99", "-5m"])
def test_a_time_out_of_range_is_an_error(place: Workspace, typed: str) -> None:
    with pytest.raises(InvalidValue):
        event_log.events("", 1, False, "", "", typed, False)


def test_a_timestamp_with_a_zone_is_converted() -> None:
    assert event_log.earliest("2026-01-31T12:00:00+02:00") == event_log.earliest("2026-01-31T10:00:00")


def test_an_event_is_one_readable_line(log: list[str], capsys: Captured) -> None:
    event_log.events("", 1, False, "", "", "", False)
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[1:] == ["play", "ok"]


@pytest.mark.parametrize("since", ["soon", "10", "1w", "m"])
def test_an_invalid_time_is_an_error(place: Workspace, since: str) -> None:
    with pytest.raises(InvalidValue, match="10m, 2h, 1d"):
        event_log.events("", 1, False, "", "", since, False)


def test_a_missing_event_log_is_no_error(place: Workspace, capsys: Captured) -> None:
    assert event_log.events("", 20, False, "", "", "", False) == 0
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
    running = place.start(*words, real=True)
    assert wait(lambda: running.out.read_text())
    for path, line in ((place.runtime / "events.log", log[0].replace("smoke", "fresh")), (service_log, "fresh")):
        with path.open("a") as file:
            file.write(f"{line}\n")
    assert wait(lambda: "fresh" in running.out.read_text())
    running.signal(signal.SIGINT)
    assert running.wait_for_exit().returncode == 130
