"""Real processes for these tests; all are ended after the test."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.system.clock import Clock, poll
from flowgate.system.processes import spawn

ROOT = Path(__file__).parents[3]


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    """Wait until a condition is true."""

    def wait(condition: Callable[[], object]) -> None:
        assert poll(condition, Clock(), every=0.01, timeout=60), "still false after 60 s"

    return wait


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start Python code in its own session; its output goes into the file `output` in tmp_path."""
    started: list[subprocess.Popen[bytes]] = []

    def run(code: str, *words: str, pass_fds: tuple[int, ...] = ()) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", code, *words]
        env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
        started.append(spawn(argv, cwd=tmp_path, env=env, output=tmp_path / "output", pass_fds=pass_fds))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.wait()
