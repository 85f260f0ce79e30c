"""The forks that stand for `inv` in other tests: alike a process that Python starts, and ended with the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from tests.commands import CHECKOUT, INVOKE, SWITCH, ForkedCommand, WarmServer, start_process
from tests.conftest import LOADED_SECONDS, Running, Workspace, until

# Tasks of their own, which stock invoke runs.
TASKS = """\
import atexit, json, locale, os, random, resource, signal, sys, tempfile, threading, time
from invoke import task

@task
def show(c, word=""):
    numbers = [one for one in signal.Signals if one not in (signal.SIGKILL, signal.SIGSTOP)]
    main = sys.modules["__main__"]
    print(json.dumps({
        "environment": dict(os.environ), "folder": os.getcwd(), "argv": sys.argv, "orig_argv": sys.orig_argv,
        "path": sys.path, "flags": str(sys.flags), "bytecode": sys.dont_write_bytecode, "warnings": sys.warnoptions,
        "main": [main.__name__, main.__file__, main.__package__], "umask": os.umask(0), "nice": os.nice(0),
        "group": os.getpgrp(), "session": os.getsid(0), "zone": time.tzname, "temporary": tempfile.gettempdir(),
        "signals": {int(one): str(signal.getsignal(one)).split(" at ")[0] for one in numbers},
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())), "wakeup": signal.set_wakeup_fd(-1),
        "threads": threading.active_count(), "locale": locale.setlocale(locale.LC_CTYPE),
        "streams": [[one.encoding, one.errors, one.line_buffering] for one in (sys.stdin, sys.stdout, sys.stderr)],
        "descriptors": sorted(one for one in os.listdir("/dev/fd") if os.path.exists(f"/dev/fd/{one}")),
        "limits": [resource.getrlimit(one) for one in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)],
    }))

@task
def chance(c):
    print(random.random(), tempfile.mktemp())

@task
def wait(c):
    print("waiting", flush=True)
    time.sleep(60)

@task
def leave(c, how):
    atexit.register(print, "an exit handler")
    print("not flushed", end=" ")
    if how == "thread":
        threading.Timer(0.1, print, ["a thread"]).start()
    if how == "error":
        raise ValueError(how)
    if how == "interrupt":
        raise KeyboardInterrupt
    if how == "killed":
        os.kill(os.getpid(), signal.SIGTERM)
    if how == "now":
        os._exit(7)
    sys.exit({"code": 300, "negative": -1, "text": "text"}.get(how))
"""
START = f"""\
import sys, time
from tests.commands import INVOKE, WarmServer
server = WarmServer()
with open({os.devnull!r}, "w") as null:
    command = server.start([*INVOKE, "--version"], {{}}, null, null)
print(command.wait(60), server.pid, flush=True)
time.sleep(60)
"""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks")


@pytest.fixture(scope="module")
def server() -> Iterator[WarmServer]:
    """A server of its own."""
    created = WarmServer()
    yield created
    created.close()


@pytest.fixture
def place(workspace: Workspace) -> Workspace:
    """A workspace with the tasks."""
    (workspace.folder / "tasks.py").write_text(TASKS)
    return workspace


def start(place: Workspace, server: WarmServer | None, *words: str) -> Running:
    """Start a task in a fork, or in a process that Python starts."""
    out, err = (place.folder / f"output-{len(place.started)}.{name}" for name in ("out", "err"))
    argv = [*INVOKE, "--search-root", str(place.folder), *words]
    with out.open("w") as stdout, err.open("w") as stderr:
        begin = server.start if server else start_process
        running = Running(begin(argv, place.environment(), stdout, stderr), out, err)
    place.started.append(running)
    return running


def both(place: Workspace, server: WarmServer, *words: str) -> list[tuple[int, str]]:
    """Run a task in both ways; return exit code and output of each."""
    running = [start(place, one, *words) for one in (None, server)]
    return [(one.process.wait(LOADED_SECONDS), one.out.read_text()) for one in running]


@pytest.mark.parametrize(
    "variables", [{}, {"TZ": "Asia/Tokyo", "TMPDIR": "/var/tmp"}, {"A": "é\n\udcff", "NO_COLOR": ""}]
)
def test_a_fork_sees_what_a_process_sees(place: Workspace, server: WarmServer, variables: dict[str, str]) -> None:
    place.variables |= variables
    one, other = (json.loads(out) for _, out in both(place, server, "show", "--word", "ü \udcff"))
    assert one == other
    assert one["environment"].items() >= variables.items()


def test_a_fork_takes_the_umask_of_the_test(place: Workspace, server: WarmServer) -> None:
    before = os.umask(0o027)
    try:
        one, other = (json.loads(out)["umask"] for _, out in both(place, server, "show"))
    finally:
        os.umask(before)
    assert (one, other) == (0o027, 0o027)


def test_forks_differ_in_what_is_left_to_chance(place: Workspace, server: WarmServer) -> None:
    found = [start(place, server, "chance") for _ in range(3)]
    texts = set[str]()
    for one in found:
        one.process.wait(LOADED_SECONDS)
        texts |= set(one.out.read_text().split())
    assert len(texts) == 2 * len(found)


@pytest.mark.parametrize("how", ["thread", "killed", "code", "text", "error", "now", "negative", "interrupt"])
def test_a_fork_ends_as_a_process_ends(place: Workspace, server: WarmServer, how: str) -> None:
    one, other = both(place, server, "leave", how)
    assert one == other


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_ends_a_fork_as_it_ends_a_process(place: Workspace, server: WarmServer, number: int) -> None:
    running = [start(place, one, "wait") for one in (None, server)]
    until(lambda: all(one.out.read_text() for one in running))
    for one in running:
        one.signal(number)
    assert running[0].process.wait(LOADED_SECONDS) == running[1].process.wait(LOADED_SECONDS)


def test_waiting_ends_in_time(place: Workspace, server: WarmServer) -> None:
    running = start(place, server, "wait")
    with pytest.raises(subprocess.TimeoutExpired):
        running.process.wait(0.05)
    assert running.process.poll() is None
    running.process.kill()
    assert (
        running.process.wait(LOADED_SECONDS) == running.process.poll() == running.process.returncode == -signal.SIGKILL
    )
    running.signal(signal.SIGTERM)  # no error, and no other process gets it


def test_a_stopped_command_does_not_stop_the_server(place: Workspace, server: WarmServer) -> None:
    stopped = start(place, server, "wait")
    stopped.signal(signal.SIGSTOP)
    assert start(place, server, "chance").process.wait(LOADED_SECONDS) == 0
    assert stopped.process.poll() is None


@pytest.mark.parametrize("name", ["PYTHONIOENCODING", "PYTHONPATH", "LC_ALL", "LD_PRELOAD", "MALLOC_ARENA_MAX", "LANG"])
def test_python_starts_where_it_reads_the_environment(place: Workspace, server: WarmServer, name: str) -> None:
    assert start(place, server, "chance").process.wait(LOADED_SECONDS) == 0
    assert server.fits(place.environment())
    assert not server.fits({**place.environment(), name: "x"})


def test_the_switch_starts_python_for_each_command(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SWITCH, "1")
    assert isinstance(workspace.start("--version").process, subprocess.Popen)
    monkeypatch.setenv(SWITCH, "0")
    assert isinstance(workspace.start("--version").process, ForkedCommand)
    assert isinstance(workspace.start("--version", real=True).process, subprocess.Popen)


def test_the_server_ends_when_the_tests_are_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", START], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as tests:
        assert tests.stdout is not None
        code, pid = map(int, tests.stdout.readline().split())
        assert code == 0
        assert psutil.pid_exists(pid)
        tests.kill()
    until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def test_a_lost_server_is_said(place: Workspace) -> None:
    lost = WarmServer()
    running = start(place, lost, "wait")
    psutil.Process(lost.pid).kill()
    with pytest.raises(RuntimeError, match=SWITCH):
        running.process.wait(LOADED_SECONDS)
    psutil.Process(running.process.pid).kill()
    place.started.remove(running)
    lost.close()


def test_closing_ends_the_server(place: Workspace) -> None:
    closed = WarmServer()
    assert start(place, closed, "chance").process.wait(LOADED_SECONDS) == 0
    pid = closed.pid
    closed.close()
    assert not psutil.pid_exists(pid)
