"""Readers that go away, closed streams, full devices and narrow encodings: a command does the same."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT, Workspace

FLOWGATE = f"{sys.executable} -c 'from flowgate.cli.main import main; main()'"
INV = f"{sys.executable} -m invoke"


def shell(script: str, place: Workspace, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script of bash; its last command's code is the exit code."""
    env = {**place.environment(), **variables}
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=CHECKOUT,
        env=env,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert "Exception ignored" not in done.stderr
    return done


@pytest.mark.parametrize("program", [FLOWGATE, INV])
def test_up_starts_everything_although_its_reader_ends(workspace: Workspace, program: str) -> None:
    done = shell(f"{program} up 2>&1 | head -1; exit ${{PIPESTATUS[0]}}", workspace)
    assert done.returncode == 0
    assert workspace.json("health")["ok"]
    workspace.inv("down")


@pytest.mark.parametrize(
    "streams, code",
    [
        (">&-", 0),
        ("2>&-", 0),
        ("<&-", 0),
        (">&- 2>&-", 0),
        ("<&- >&- 2>&-", 0),
        ("</dev/null", 0),
        ("2>/dev/full", 0),
        (">/dev/full", 3),
        (">/dev/full 2>&1", 3),
        ("| head -c 0; exit ${PIPESTATUS[0]}", 0),
        ("2>&1 | true; exit ${PIPESTATUS[0]}", 0),
    ],
)
@pytest.mark.parametrize("words", ["profile diff cost balanced", "status --json"])
def test_streams_decide_nothing_but_whether_data_arrived(
    workspace: Workspace, words: str, streams: str, code: int
) -> None:
    done = shell(f"{FLOWGATE} {words} {streams}", workspace)
    assert done.returncode == code, done.stderr


def test_lost_data_is_said(workspace: Workspace) -> None:
    assert "the output could not be written" in shell(f"{FLOWGATE} status >/dev/full", workspace).stderr


@pytest.mark.parametrize("program", [FLOWGATE, INV])
def test_up_without_streams_starts_everything(workspace: Workspace, program: str) -> None:
    assert shell(f"{program} up </dev/null >/dev/full 2>&-", workspace).returncode == 0
    assert workspace.json("health")["ok"]
    workspace.inv("down")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "ascii:strict", "utf-8"])
@pytest.mark.parametrize("words", ["--help", "steps", "profile list --json", "profile set nüll"])
def test_every_encoding_can_be_written(workspace: Workspace, encoding: str, words: str) -> None:
    expected = 2 if "set" in words else 0
    assert shell(f"{FLOWGATE} {words}", workspace, PYTHONIOENCODING=encoding, LANG="C").returncode == expected


def test_json_is_exact_in_every_encoding(workspace: Workspace) -> None:
    own = workspace.folder / "größe.yaml"
    own.write_text(workspace.config.read_text())
    done = shell(f"{FLOWGATE} --config {own} status --json", workspace, PYTHONIOENCODING="ascii")
    assert json.loads(done.stdout)["config"] == str(own)


def test_following_ends_with_its_reader(workspace: Workspace) -> None:
    log = workspace.runtime / "events.log"
    log.parent.mkdir(parents=True)
    log.write_text('{"event": "play"}\n' * 30)
    done = shell(f"timeout 20 {FLOWGATE} events --follow | head -1; exit ${{PIPESTATUS[0]}}", workspace)
    assert done.returncode == 0
