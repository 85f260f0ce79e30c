"""`inv top` on a pseudo terminal: keys, signals, sizes, and a stack that starts and stops meanwhile."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from flowgate.system.clock import Clock
from tests.conftest import CHECKOUT, LOADED_SECONDS, Workspace

HOME, LEAVE = "\x1b[H", "\x1b[?25h\x1b[?1049l"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A pseudo terminal in which `inv top` runs."""

    def __init__(self, workspace: Workspace, columns: int, rows: int, **variables: str) -> None:
        self.main, self.other = pty.openpty()
        self.resize(columns, rows)
        self.before = termios.tcgetattr(self.other)
        environment = {**workspace.environment(), "TERM": "xterm", **variables}
        argv = [sys.executable, "-m", "invoke", "top", "--interval", "0.2"]
        streams = {"stdin": self.other, "stdout": self.other, "stderr": self.other}
        self.process = subprocess.Popen(argv, cwd=CHECKOUT, env=environment, start_new_session=True, **streams)  # type: ignore[call-overload]
        self.output = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.main, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self.main, keys.encode())

    def read(self, seconds: float = 0.05) -> str:
        """Read what the program has written meanwhile; return all output."""
        while select.select([self.main], [], [], seconds)[0]:
            self.output += self._decoder.decode(os.read(self.main, 65536))
            seconds = 0.0
        return self.output

    def frame(self) -> list[str]:
        """Return the lines of the last whole frame."""
        frames = self.read().split(HOME)
        whole = [one for one in frames if "\x1b[J" in one]
        return ESCAPES.sub("", whole[-1]).replace("\r", "").split("\n") if whole else []

    def shows(self, words: str, seconds: float = LOADED_SECONDS) -> list[str]:
        """Wait until a frame contains some words."""
        clock = Clock()
        end = clock.now() + seconds
        while words not in "\n".join(self.frame()):
            assert clock.now() < end, f"no {words!r} in:\n" + "\n".join(self.frame())
        return self.frame()

    def ended(self) -> int:
        """Wait for the end; the terminal must be as before."""
        code = int(self.process.wait(60))
        assert self.read().endswith(LEAVE)
        assert termios.tcgetattr(self.other) == self.before
        return code


Opener = Callable[..., Terminal]


@pytest.fixture
def open_top(workspace: Workspace) -> Iterator[Opener]:
    opened: list[Terminal] = []

    def start(columns: int = 80, rows: int = 24, **variables: str) -> Terminal:
        opened.append(Terminal(workspace, columns, rows, **variables))
        return opened[-1]

    yield start
    for one in opened:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        os.close(one.main)
        os.close(one.other)


@pytest.mark.parametrize("key", ["q", "Q", "\x1b", "\x04"])
def test_a_key_ends_it(open_top: Opener, key: str) -> None:
    top = open_top()
    top.shows("q ends")
    top.press(f"x{key}")
    assert top.ended() == 0


def test_ctrl_c_ends_it(open_top: Opener) -> None:
    top = open_top()
    top.shows("q ends")
    top.process.send_signal(signal.SIGINT)
    assert top.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_kills_it_restores_the_terminal(open_top: Opener, number: signal.Signals) -> None:
    top = open_top()
    top.shows("q ends")
    top.process.send_signal(number)
    assert top.ended() == -number


def test_it_draws_again_in_a_new_size(open_top: Opener) -> None:
    top = open_top(80, 24)
    assert max(map(len, top.shows("q ends"))) <= 80
    top.resize(40, 9)
    top.process.send_signal(signal.SIGWINCH)
    top.shows("…")
    frame = top.frame()
    assert max(map(len, frame)) <= 40
    assert len(frame) <= 9


def test_it_follows_a_stack_that_starts_and_stops(open_top: Opener, workspace: Workspace) -> None:
    top = open_top()
    top.shows("litellm           stopped")
    workspace.inv("up")
    top.shows("litellm           serving")
    workspace.inv("down")
    top.shows("litellm           stopped")
    assert workspace.nothing_runs()


def test_it_stays_usable_while_the_supervisor_hangs(open_top: Opener, workspace: Workspace) -> None:
    workspace.inv("up")
    top = open_top()
    top.shows("serving")
    supervisor = workspace.supervisor()
    supervisor.suspend()
    top.shows("has not answered for 5 s")
    top.press("q")
    assert top.ended() == 0
    supervisor.resume()


def test_a_config_that_becomes_wrong_is_said_and_a_mended_one_is_read(open_top: Opener, workspace: Workspace) -> None:
    top = open_top(100)
    top.shows("q ends")
    workspace.edit_config(("profiles:", "profils:"))
    top.shows("! ")
    workspace.edit_config(("profils:", "profiles:"))
    top.shows("q ends")


def test_no_colour_on_request(open_top: Opener) -> None:
    top = open_top(NO_COLOR="1")
    top.shows("q ends")
    assert not re.search(r"\x1b\[[0-9;]*m", top.read())


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_cannot_be_drawn_on_is_refused(open_top: Opener, term: str) -> None:
    top = open_top(TERM=term)
    assert top.process.wait(60) == 2
    assert "top needs a terminal" in top.read()
    assert "inv top --once" in top.output


def test_a_pipe_is_refused_without_once_and_gets_one_frame_with_it(workspace: Workspace) -> None:
    assert "inv top --once" in workspace.inv("top", code=2).stderr
    done = workspace.inv("top", "--once")
    assert done.stdout.startswith("FlowGate")
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("interval", ["0", "-1", "x", "1e9", ""])
def test_a_wrong_interval_is_refused(workspace: Workspace, interval: str) -> None:
    assert "interval" in workspace.inv("top", f"--interval={interval}", code=2).stderr
