"""A file system on which no file can be created any more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Workspace


@pytest.fixture
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace without free inodes."""
    folder = tmp_path_factory.mktemp("f")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "nr_inodes=20,size=2m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    created = Workspace(folder).write()
    home = created.environment()["HOME"]
    for number in range(os.statvfs(folder).f_favail):
        (Path(home) / str(number)).touch()
    yield created
    subprocess.run(["umount", "-l", str(folder)], check=True)


def run(place: Workspace, *words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "invoke", *words]
    return subprocess.run(argv, env=place.environment(), capture_output=True, text=True, check=False, timeout=90)


@pytest.mark.parametrize("words", [["down"], ["service.stop"], ["play", "down"]])
def test_down_says_that_nothing_runs(full: Workspace, words: list[str]) -> None:
    done = run(full, *words)
    assert done.returncode == 0, done.stderr
    assert "not running" in done.stderr


@pytest.mark.parametrize("words", [["up"], ["profile.set", "cost"], ["doctor", "--fix"]])
def test_what_must_write_says_why_it_cannot(full: Workspace, words: list[str]) -> None:
    done = run(full, *words)
    assert done.returncode == 3, done.stdout
    assert "no free inodes" in done.stderr
    assert "df -i" in done.stderr


def test_doctor_counts_the_inodes(full: Workspace) -> None:
    done = run(full, "doctor")
    assert done.returncode == 1
    assert "fail  disk         0 more files can be created" in done.stdout
