from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change
from flowgate.errors import Unreachable, UsageError
from flowgate.steps.wait_for import wait_for
from flowgate.system import sockets
from flowgate.system.clock import Clock
from tests.conftest import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.steps.conftest import Stage


def test_an_open_port_needs_no_wait(stage: Stage) -> None:
    with sockets.listen("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        assert stage.apply(wait_for, port=port) == ("unchanged", {"elapsed": 0.0})


def test_a_port_is_polled_until_it_accepts_connections(stage: Stage) -> None:
    port = free_port()
    opened: list[Any] = []
    threading.Timer(0.1, lambda: opened.append(sockets.listen("127.0.0.1", port))).start()
    try:
        assert stage.apply(wait_for, port=port, sleep=0.02, timeout=60)[1]["elapsed"] > 0
    finally:
        opened[0].close()


def test_a_closed_port_counts_as_stopped(stage: Stage) -> None:
    assert stage.apply(wait_for, port=free_port(), state="stopped")[0] == "unchanged"


def test_a_file_must_exist_and_match_the_pattern(stage: Stage, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text("starting\n")
    found = wait_for(stage.context().read_only(), path=file, search_regex="^ready")
    assert isinstance(found, Change)
    file.write_text("starting\nready\n")
    assert stage.apply(wait_for, path=file, search_regex="^ready")[0] == "unchanged"
    assert stage.apply(wait_for, path=tmp_path / "absent", state="absent")[0] == "unchanged"


def test_a_timeout_fails_with_the_given_message(stage: Stage, tmp_path: Path) -> None:
    naps: list[float] = []
    context = stage.context()
    context = replace(context, clock=Clock(now=lambda: sum(naps), sleep=naps.append))
    with pytest.raises(Unreachable, match="no log") as caught:
        stage.apply(wait_for, context, path=tmp_path / "log", timeout=3, delay=2, sleep=1, msg="no log")
    assert (naps, caught.value.facts) == ([2, 1, 1, 1], {"elapsed": 3})
    with pytest.raises(Unreachable, match=r"waited 0 s for .*log to exist"):
        stage.apply(wait_for, context, path=tmp_path / "log", timeout=0)


@pytest.mark.parametrize(
    "params",
    [{}, {"port": 1, "path": "x"}, {"port": 0}, {"path": "x", "search_regex": "("}, {"port": 1, "sleep": -1.0}],
)
def test_invalid_parameters_are_usage_errors(stage: Stage, params: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        stage.apply(wait_for, **params)


def test_another_host_is_not_contacted_while_looking(stage: Stage) -> None:
    found = wait_for(stage.context().read_only(), host="no-such-host.invalid", port=80)
    assert isinstance(found, Change)
    assert not found.changes
