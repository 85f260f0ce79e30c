"""Builds that are interrupted: nothing half done stays after the next build, and what serves is untouched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.errors import DiskError, EnvironmentFailure, FlowGateError, ProgramMissing
from flowgate.gateway.litellm_environments import LABEL
from flowgate.gateway.litellm_receipt import RECEIPT, Receipt, dump
from flowgate.litellm_versions import environments
from flowgate.system import processes, python_environment
from flowgate.system.clock import Clock, poll
from tests.unit.litellm_versions.conftest import VersionStage
from tests.unit.litellm_versions.wheels import litellm
from tests.unit.steps.conftest import CONFIG, EMBEDDED

STAGES = ("resolving", "installing", "checking", "compiling", "trying", "putting")
SLOW_UV = """#!/bin/sh
case "$*" in *"{words}"*) echo $$ > {pid}; exec sleep 60;; esac
exec {uv} "$@"
"""


@pytest.fixture
def serving(versions: VersionStage) -> Iterator[VersionStage]:
    """A stage on which LiteLLM 1.106.22 is in force; it is unchanged at the end."""
    python_environment.python(versions.place / "1.106.22").parent.mkdir(parents=True)
    python_environment.python(versions.place / "1.106.22").symlink_to(sys.executable)
    receipt = Receipt("1.106.22", "bin/python", "lib", "d", "3", {}, "l", "b", "index", "uv", "r")
    (versions.place / "1.106.22" / RECEIPT).write_text(dump(receipt))
    (versions.place / "in-force.json").write_text('{"in_force": "1.106.22", "previous": ""}')
    before = content(versions.place / "1.106.22")
    yield versions
    assert content(versions.place / "1.106.22") == before


def content(folder: Path) -> dict[str, tuple[int, int]]:
    found = [(path, path.lstat()) for path in folder.rglob("*")]
    return {str(path): (info.st_ino, info.st_mtime_ns) for path, info in found}


def is_whole(stage: VersionStage) -> bool:
    return [name for name in stage.names() if name.startswith(".")] == [] and "1.108.77" in stage.names()


def in_child(stage: VersionStage, at: str, number: int) -> int:
    """Build in a process of its own, which gets a signal at a stage; return its exit code."""

    def show(words: str) -> None:
        if words.startswith(at):
            os.kill(os.getpid(), number)

    child = os.fork()
    if child == 0:
        try:
            stage.build(show)
        finally:
            os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("at", STAGES)
def test_kill_9_leaves_what_serves_and_the_next_build_clears_up(serving: VersionStage, at: str) -> None:
    assert in_child(serving, at, signal.SIGKILL) == -signal.SIGKILL
    assert environments.environment(serving.config, "1.108.77") is None
    assert [one.version for one in environments.environments(serving.config)] == ["1.106.22"]
    serving.install()
    assert is_whole(serving)


@pytest.mark.parametrize("at", STAGES[::2])
def test_an_error_at_any_stage_leaves_no_trace(serving: VersionStage, at: str) -> None:
    def show(words: str) -> None:
        if words.startswith(at):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serving.build(show)
    assert set(serving.names()) - {"locks"} == {"1.106.22", "in-force.json"}


def slow_uv(stage: VersionStage, words: str) -> Path:
    """Put a uv in front that hangs at a command; return the file in which it writes its pid."""
    pid, script = stage.folder / "pid", stage.folder / "uv"
    script.write_text(SLOW_UV.format(words=words, pid=pid, uv=shutil.which("uv")))
    script.chmod(0o700)
    stage.environment["UV"] = str(script)
    return pid


def started(stage: VersionStage) -> subprocess.Popen[str]:
    """Start a playbook that installs, in a process of its own."""
    book = stage.folder / "book.yml"
    task = f"install_litellm: {{version: 1.108.77, wheelhouse: {stage.wheels}}}"
    book.write_text(f"- name: Install\n  tasks:\n    - name: Build\n      {task}\n")
    config = stage.folder / "flowgate.yaml"
    config.write_text(CONFIG.format(program=EMBEDDED, key="os.environ/UPSTREAM_API_KEY", **stage.ports))
    argv = [str(Path(sys.executable).with_name("flowgate")), "--config", str(config), "play", str(book)]
    return subprocess.Popen(argv, env=stage.environment, cwd=Path.cwd(), stderr=subprocess.PIPE, text=True)


def pid_in(file: Path) -> int:
    poll(lambda: file.is_file() and bool(file.read_text().strip()), Clock(), timeout=60)
    return int(file.read_text())


@pytest.mark.parametrize(
    "words, number, code",
    [
        ("pip compile", signal.SIGINT, 130),
        ("pip install", signal.SIGINT, 130),
        ("venv", signal.SIGKILL, -9),
        ("pip install", signal.SIGKILL, -9),
        ("pip install", signal.SIGTERM, -15),
    ],
)
def test_a_command_that_ends_takes_uv_with_it(serving: VersionStage, words: str, number: int, code: int) -> None:
    file = slow_uv(serving, words)
    process = started(serving)
    uv = processes.identify(pid_in(file))
    assert uv
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert poll(lambda: not processes.alive(uv), Clock(), timeout=60)  # a zombie, if this process adopted it
    serving.environment.pop("UV")
    serving.install()
    assert is_whole(serving)


@pytest.mark.parametrize("name", ["flowgate-environment.json", "lib", "bin/python", "lib64"])
def test_a_half_environment_from_before_is_replaced(serving: VersionStage, name: str) -> None:
    serving.install()
    damaged = serving.place / "1.108.77" / name
    damaged.unlink() if damaged.is_symlink() or damaged.is_file() else shutil.rmtree(damaged)
    serving.install()
    assert is_whole(serving)


@pytest.mark.parametrize("phase", ["serving", "starting", "draining"])
def test_what_runs_is_never_replaced(versions: VersionStage, phase: str) -> None:
    versions.install()
    (versions.place / "1.108.77" / RECEIPT).write_text("damaged")
    versions.supervisor.run("litellm", phase, labels={LABEL: "1.108.77"})
    before = content(versions.place / "1.108.77")
    with pytest.raises(EnvironmentFailure, match="not replaced while it runs"):
        versions.install()
    assert content(versions.place / "1.108.77") == before


@pytest.mark.parametrize("text", ['{"in_force": "1.108.77"}', '{"in_force": "", "previous": "1.108.77"}'])
def test_what_is_in_force_and_does_not_run_is_repaired(versions: VersionStage, text: str) -> None:
    versions.install()
    (versions.place / "in-force.json").write_text(text)
    python_environment.python(versions.place / "1.108.77").unlink()
    assert versions.install()[1]["built"]
    assert (versions.place / "in-force.json").read_text() == text


def test_the_staging_folder_of_a_command_that_runs_stays(versions: VersionStage) -> None:
    other = versions.place / f".{os.getppid()}.building"
    other.mkdir(parents=True)
    (versions.place / ".1.building.txt").write_text("")
    versions.install()
    assert other.is_dir()


def test_without_uv_one_sentence_says_what_to_install(versions: VersionStage) -> None:
    versions.environment["PATH"] = "/nowhere"
    with pytest.raises(ProgramMissing, match="uv") as caught:
        versions.install()
    assert ("pip install uv" in caught.value.fix, caught.value.code) == (True, 3)
    assert [name for name in versions.names() if name != "locks"] == []


@pytest.fixture
def small_disk(versions: VersionStage) -> Iterator[VersionStage]:
    """A stage whose runtime folder has room for half an environment."""
    versions.runtime.mkdir(parents=True)
    argv = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(versions.runtime)]
    if subprocess.run(argv, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield versions
    subprocess.run(["umount", "-l", str(versions.runtime)], check=True)


def test_a_full_disk_is_named_and_leaves_nothing(small_disk: VersionStage) -> None:
    (small_disk.offer(litellm("1.108.77", big__txt="")).runtime / "filler").write_bytes(b"x" * 900_000)
    with pytest.raises(DiskError, match="no space") as caught:
        small_disk.install()
    assert (caught.value.code, small_disk.names()) == (3, [])


@pytest.mark.parametrize("at", ["runtime", "litellm"])
def test_an_unwritable_folder_is_named(versions: VersionStage, at: str) -> None:
    place = versions.runtime if at == "runtime" else versions.place
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("a file")
    with pytest.raises(FlowGateError, match=f"{place}") as caught:
        versions.install()
    assert caught.value.code == 3


def test_what_a_killed_build_left_is_deleted_although_it_is_still_a_zombie(versions: VersionStage) -> None:
    zombie = subprocess.Popen(["true"])
    assert os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    half = versions.place / f".{zombie.pid}{environments.STAGING}"
    half.mkdir(parents=True)
    try:
        versions.install()
        assert not half.exists()
    finally:
        zombie.wait()
