"""FIFOs, devices, sockets, folders and dangling links in the place of files: no command waits, crashes or breaks more.

Each case puts one of them in the place of one file, beside a gateway that runs or does not, and runs many commands.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import REAL_UPSTREAM

if TYPE_CHECKING:
    from tests.conftest import Workspace

Make = Callable[[Path], object]
SECONDS = 40.0  # whatever waits for a FIFO or reads a device waits for ever
CODES = (0, 1, 2, 3, 130)


# --- what is put in the place of a file


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def dangling(path: Path) -> None:
    path.symlink_to("missing/below")


def unix_socket(path: Path) -> None:
    """Bind a socket by a short relative path: the path of a socket is limited."""
    with socket.socket(socket.AF_UNIX) as sock:
        before = Path.cwd()
        os.chdir(path.parent)
        sock.bind(path.name)
        os.chdir(before)


def plain(path: Path) -> None:
    path.write_text("no folder\n")


KINDS: dict[str, Make] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "device": endless,
    "dangling": dangling,
    "socket": unix_socket,
}
FOLDER_KINDS = {**KINDS, "folder": plain}


def put(path: Path, kind: Make) -> None:
    """Put something else in the place of a file or a folder, which moves aside."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        path.rename(aside(path))
    path.unlink(missing_ok=True)
    kind(path)


def take_away(path: Path) -> None:
    """Take it away again; a folder moves back, a file stays away."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    if aside(path).exists():
        aside(path).rename(path)


def aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.aside")


# --- the commands

LOOKING = (
    "status",
    "health",
    "doctor",
    "events",
    "service logs litellm",
    "explain",
    "usage --by day",
    "audit",
    "profile show",
    "profile list",
    "security check",
    "key path",
    "auth list",
    "auth status",
    "cooldowns",
    "bootstrap sources",
)
CHANGING = ("up", "profile set cost", "service reload", "down")


def run_all(
    workspace: Workspace, commands: Iterable[str], codes: Sequence[int] = CODES, seconds: float = SECONDS
) -> list[str]:
    """Run commands, and describe each that waits, crashes or ends with another exit code."""
    lines = [words.split() for words in commands]
    program = (sys.executable, "-m", "tests.many_commands")
    driver = workspace.start(str(workspace.folder), json.dumps(lines), program=program)
    driver.process.wait(600)
    ends = json.loads(driver.out.read_text())
    faults = [
        f"{line}: exit {code} after {took:.1f} s"
        for line, (code, took) in zip(lines, ends, strict=True)
        if code not in codes or took > seconds
    ]
    faults += ["a traceback"] if "Traceback" in driver.stderr() else []
    return [*faults, driver.stderr()] if faults else []


def run_well(workspace: Workspace, *commands: str) -> None:
    """Run commands that must succeed."""
    faults = run_all(workspace, commands, codes=(0,), seconds=90)  # the first one may compile the environment
    assert not faults, "\n".join(faults)


# --- files of the runtime folder

FILES = (
    "state.json",
    "events.log",
    "lock",
    "supervisor.lock",
    "cliproxyapi.yaml",
    "litellm.active.yaml",
    "bin/litellm",
    "bin/embedded-upstream",
    "bin/CLIProxyAPIPlus",
    "bin/CLIProxyAPIPlus.lock",
    "../secrets/litellm-master-key",
    "../secrets/upstream-api-key",
    "../secrets/management-key",
    "../auths/codex-someone.json",
    "../logs/flowgate.log",
    "process-logs/litellm.log",
    "process-logs/cliproxyapi_plus.log",
    "run/litellm-1.json",
    "run/litellm-2.json",
    "run/cliproxyapi_plus-1.json",
    "run/supervisor.sock",
)
FOLDERS = ("bin", "run", "process-logs", "work", "../secrets", "../auths", "../logs", "../runtime")
SAMPLED = 67  # one of so many cases is tested in every run


def sampled(cases: Sequence[tuple[object, ...]], every: int = SAMPLED) -> list[object]:
    """Mark all cases but a few as long."""
    return [
        pytest.param(*case, marks=() if number % every == every // 2 else pytest.mark.long)
        for number, case in enumerate(cases)
    ]


@pytest.mark.parametrize("file, kind, running", sampled([*itertools.product(FILES, KINDS, (False, True))]))
def test_no_command_waits_for_what_is_no_file(workspace: Workspace, file: str, kind: str, running: bool) -> None:
    run_well(workspace, "up --profile balanced", *(() if running else ("down",)))
    path = workspace.runtime / file
    put(path, KINDS[kind])
    faults = run_all(workspace, (*LOOKING, *CHANGING))
    take_away(path)
    assert not faults, "\n".join(faults)
    run_well(workspace, "up", "health")


@pytest.mark.parametrize("folder, kind", sampled([*itertools.product(FOLDERS, FOLDER_KINDS)]))
def test_no_command_waits_for_what_is_no_folder(workspace: Workspace, folder: str, kind: str) -> None:
    run_well(workspace, "up --profile balanced", "down")
    assert workspace.nothing_runs()
    path = workspace.runtime.parent / "runtime" / folder if folder != "../runtime" else workspace.runtime
    put(path, FOLDER_KINDS[kind])
    faults = run_all(workspace, (*LOOKING, *CHANGING))
    take_away(path)
    assert not faults, "\n".join(faults)
    run_well(workspace, "up", "health")


# --- files of the user

PLAYBOOK = """\
- name: Own
  tasks:
    - name: Say
      debug: {msg: hello}
    - import_tasks: tasks.yml
"""
TOKEN = {"tokens": {"access_token": "a.b.c", "refresh_token": "r", "id_token": "a.b.c"}}
USED = {
    "flowgate.yaml": ("up", "down", "steps", "play own.yml"),
    "models.yaml": ("up", "service reload", "down", "play own.yml"),
    "tally.py": ("up", "service reload", "down"),
    "own-cliproxy.yaml": ("up", "service restart", "down"),
    "token.env": ("up", "down"),
    "own.yml": ("play own.yml", "play own.yml --syntax-check", "play own.yml --list-tasks"),
    "tasks.yml": ("play own.yml", "play own.yml --check"),
    "values.yaml": ("play own.yml -e @values.yaml", "play own.yml -e @values.yaml --list-tasks"),
    "steps/own.py": ("steps", "play own.yml", "play own.yml --syntax-check"),
    "report.json": ("play own.yml --report-json report.json", "play own.yml"),
    "report.xml": ("play own.yml --report-junit report.xml",),
    "report.html": ("play own.yml --report-html report.html",),
    "home/.codex/auth.json": ("auth import-headless codex",),
    "source.json": ("auth import-headless codex --source source.json",),
    "archive.tar.gz": ("bootstrap download --from-file archive.tar.gz --allow-unverified",),
}


def with_own_files(workspace: Workspace) -> None:
    """Write a config that names files of the user, and those files."""
    folder = workspace.folder
    own = ("-config", str(folder / "own-cliproxy.yaml"))
    workspace.write(upstream=(*REAL_UPSTREAM, *own)).edit_config(
        ("litellm_base:\n", "secret_files: [token.env]\nlitellm_base:\n  include: [models.yaml]\n"),
        ("profiles:\n", "  litellm_settings: {callbacks: [tally.counter]}\nprofiles:\n"),
    )
    (folder / "models.yaml").write_text("model_list: []\n")
    (folder / "tally.py").write_text("counter = None\n")
    (folder / "own-cliproxy.yaml").write_text("debug: false\n")
    (folder / "token.env").write_text("TOKEN=1\n")
    (folder / "token.env").chmod(0o600)
    (folder / "own.yml").write_text(PLAYBOOK)
    (folder / "tasks.yml").write_text("- name: Say more\n  debug: {msg: bye}\n")
    (folder / "values.yaml").write_text("a: 1\n")
    (folder / "source.json").write_text(json.dumps(TOKEN))


@pytest.mark.parametrize("file, kind", sampled([*itertools.product(USED, KINDS)]))
def test_no_command_waits_for_a_file_of_the_user_that_is_none(workspace: Workspace, file: str, kind: str) -> None:
    with_own_files(workspace)
    run_well(workspace, "up --profile balanced")
    path = workspace.folder / file
    before = path.read_bytes() if path.is_file() else None
    put(path, KINDS[kind])
    commands = [" ".join(_absolute(workspace, word) for word in words.split()) for words in USED[file]]
    faults = run_all(workspace, (*LOOKING, *commands))
    take_away(path)
    if before is not None:
        path.write_bytes(before)
    assert not faults, "\n".join(faults)
    run_well(workspace, "up", "health")


def _absolute(workspace: Workspace, word: str) -> str:
    """Return a file name of the user as an absolute path."""
    name = word.removeprefix("@")
    at = "@" if word.startswith("@") else ""
    return f"{at}{workspace.folder / name}" if name in USED else word
