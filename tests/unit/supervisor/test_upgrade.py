"""A FlowGate that meets the supervisor of another version: it replaces an older one, and refuses a newer one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.errors import EnvironmentFailure
from flowgate.supervisor import connection, legacy
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.program_tree import to_tree
from flowgate.supervisor.protocol import PROTOCOL_VERSION
from flowgate.system import process_table, processes
from flowgate.system.clock import Clock, poll
from tests.unit.supervisor.conftest import supervisor_pid
from tests.unit.supervisor.test_adoption import generations, kill, up
from tests.unit.supervisor.test_handover import hand_over

Make = Callable[..., Program]
StartOld = Callable[..., subprocess.Popen[str]]
OLD_NAMES = {
    "hold_while_down": "stands_on",
    "recorded_headers": "records",
    "queries": "tells",
    "fork_server": "nursery",
    "fork_guard": "reserve",
    "import_variables": "seen",
    "module_cache": "learnt",
    "warmup": "rehearsal",
    "private_address": "door",
}
OTHER_VERSION = """
import sys
from flowgate.supervisor import protocol
protocol.PROTOCOL_VERSION = {version}
from flowgate.supervisor import daemon
daemon.main(sys.argv[2:])
"""


def old_names(tree: object) -> object:
    """Spell the keys of a tree as the version before."""
    if not isinstance(tree, dict):
        return tree
    return {OLD_NAMES.get(key, key): old_names(value) for key, value in tree.items()}


@pytest.fixture
def start_old(runtime: Path) -> Iterator[StartOld]:
    """Starts the supervisor and the worker of `old_version`."""
    started: list[subprocess.Popen[str]] = []

    def start(program: Program, leased: bool = False) -> subprocess.Popen[str]:
        script = str(Path(__file__).with_name("old_version.py"))
        tree = json.dumps(old_names(to_tree(program, secrets=True)))
        words = (legacy.DAEMON, str(runtime), str(program.port), tree, "leased" if leased else "free")
        started.append(subprocess.Popen([sys.executable, script, *words], stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout
        assert started[-1].stdout.readline() == "ready\n"
        return started[-1]

    yield start
    for process in started:
        processes.signal_tree(processes.tree_of(process.pid), signal.SIGKILL)
        process.communicate()


@pytest.fixture
def requests() -> Iterator[Callable[[Program], list[str]]]:
    """Sends requests without a pause until the test ends; returns the list of first words, "failed" for a failure."""
    over = threading.Event()
    threads: list[threading.Thread] = []

    def begin(program: Program) -> list[str]:
        words: list[str] = []
        threads.append(threading.Thread(target=send_requests, args=(program.port, words, over)))
        threads[-1].start()
        return words

    yield begin
    over.set()
    for thread in threads:
        thread.join()


def send_requests(port: int, words: list[str], over: threading.Event) -> None:
    while not over.is_set():
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            client.request("GET", "/")
            words.append(client.getresponse().read().decode().split()[0])
        except (OSError, http.client.HTTPException):
            words.append("failed")
        client.close()


@pytest.mark.skipif(not process_table.LINUX, reason="the script of the old version reads /proc")
def test_a_supervisor_with_old_names_is_replaced_without_a_failed_request(
    supervisor: SupervisorClient, app: Make, start_old: StartOld, requests: Callable[[Program], list[str]]
) -> None:
    program = app("one")
    old = start_old(program)
    words = requests(program)
    assert [one["phase"] for one in generations(supervisor, "app")] == ["serving"]
    assert old.wait(60) == -signal.SIGKILL
    assert supervisor.matches(program)
    hand_over(supervisor, app("two"))
    assert poll(lambda: len(generations(supervisor, "app")) == 1 and words[-1] == "two", Clock(), timeout=60)
    assert set(words) == {"old", "two"}


@pytest.mark.skipif(not process_table.LINUX, reason="the script of the old version reads /proc")
def test_a_supervisor_that_an_old_command_uses_is_not_replaced(
    supervisor: SupervisorClient, app: Make, start_old: StartOld
) -> None:
    old = start_old(app(), leased=True)
    with pytest.raises(EnvironmentFailure, match="an earlier FlowGate is starting services"):
        supervisor.status()
    assert old.poll() is None


@pytest.fixture
def start_version(runtime: Path) -> Iterator[Callable[[int], None]]:
    """Starts a supervisor of another protocol version."""
    started: list[subprocess.Popen[str]] = []

    def start(version: int) -> None:
        words = ("flowgate.supervisor.daemon", str(runtime), str(runtime.parent / "supervisor.log"), "1")
        argv = [sys.executable, "-c", OTHER_VERSION.format(version=version), *words]
        started.append(subprocess.Popen(argv, stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout
        assert started[-1].stdout.readline() == "ready\n"

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_supervisor_of_an_older_protocol_is_replaced_and_its_generations_adopted(
    supervisor: SupervisorClient, app: Make, start_version: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    start_version(PROTOCOL_VERSION - 1)
    with monkeypatch.context() as older:
        older.setattr(connection, "PROTOCOL_VERSION", PROTOCOL_VERSION - 1)
        up(supervisor, app())
        pid, (before,) = supervisor_pid(supervisor), generations(supervisor, "app")
        supervisor.close()
    (after,) = generations(supervisor, "app")
    assert (after["pid"], after["phase"]) == (before["pid"], "serving")
    assert supervisor_pid(supervisor) != pid


def test_a_supervisor_of_a_newer_protocol_is_refused(
    supervisor: SupervisorClient, start_version: Callable[[int], None]
) -> None:
    start_version(PROTOCOL_VERSION + 1)
    with pytest.raises(EnvironmentFailure, match="was started by a newer FlowGate") as refused:
        supervisor.status()
    assert "inv down" in refused.value.fix


def test_a_supervisor_that_stays_older_is_replaced_only_once(
    supervisor: SupervisorClient, app: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "PROTOCOL_VERSION", PROTOCOL_VERSION + 1)
    with pytest.raises(EnvironmentFailure, match="is of an older FlowGate"):
        supervisor.start(app())


def test_a_record_with_old_names_is_adopted(supervisor: SupervisorClient, program: Make) -> None:
    up(supervisor, program())
    (before,) = generations(supervisor, "own")
    kill(supervisor)
    record = supervisor.folder / "own-1.json"
    record.write_text(json.dumps(old_names(json.loads(record.read_text()))))
    supervisor.recover()
    (after,) = generations(supervisor, "own")
    assert (after["pid"], after["phase"]) == (before["pid"], "serving")


def test_an_old_start_script_starts_the_current_module(tmp_path: Path) -> None:
    script = tmp_path / "runner"
    script.write_text("#!/bin/sh\nif true; then\n    exec '/old env/python' -m flowgate.keeper.child \"$@\"\nfi\n")
    script.chmod(0o700)
    legacy.update_start_script(script)
    assert f'    exec {sys.executable} -m flowgate.supervisor.worker "$@"\n' in script.read_text()
    assert os.access(script, os.X_OK)


def test_any_other_start_script_is_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "runner"
    script.write_text("#!/bin/sh\nexec /usr/bin/python -m http.server\n")
    legacy.update_start_script(script)
    assert script.read_text() == "#!/bin/sh\nexec /usr/bin/python -m http.server\n"
