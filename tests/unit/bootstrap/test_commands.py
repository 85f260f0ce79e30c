"""The commands `inv bootstrap.…` with a local release server."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator

import pytest

from flowgate.gateway import release_assets
from tests.conftest import Workspace
from tests.unit.bootstrap.conftest import PLATFORM
from tests.unit.bootstrap.releases import REPO, Handler, Misbehaviour, Releases, program, serving
from tests.unit.bootstrap.releases import release as packed

BINARY = ".router/runtime/bin/CLIProxyAPIPlus"


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Releases]:
    """A release server that `inv` uses instead of GitHub."""
    with serving() as server:
        workspace.variables |= {release_assets.BASE_VARIABLE: server.base, "GITHUB_TOKEN": "ghp_canary"}
        yield server


def left(workspace: Workspace) -> set[str]:
    return {path.name for path in (workspace.runtime / "bin").iterdir()}


def test_two_concurrent_commands_install_once(workspace: Workspace, server: Releases) -> None:
    workspace.write(upstream=(BINARY,))
    path = server.publish(PLATFORM)
    both = [workspace.start("bootstrap.download") for _ in range(2)]
    assert [running.wait_for_exit().returncode for running in both] == [0, 0]
    assert server.times(path) == 1
    assert left(workspace) == {"CLIProxyAPIPlus", "CLIProxyAPIPlus.lock", "litellm"}
    assert "is missing" not in workspace.inv("play", "up", "--check").stderr
    event = json.loads((workspace.runtime / "events.log").read_text().splitlines()[0])
    assert (event["event"], event["result"]) == ("bootstrap_download", "ok")


def test_a_missing_repository_exits_3_and_shows_commands(workspace: Workspace, server: Releases) -> None:
    message = workspace.inv("bootstrap.download", code=3).stderr
    assert f"there is no repository {REPO}" in message
    assert "fix: use a local file" in message
    assert "inv bootstrap.download --source community" in message
    assert "ghp_canary" not in message
    assert left(workspace) == set()


def sends_a_part(begun: threading.Event, ends: threading.Event) -> Misbehaviour:
    """Send a part of the file, then wait."""

    def respond(handler: Handler) -> bool:
        handler.reply(200, b"x" * 1000, length=5000)
        begun.set()
        return ends.wait(60)

    return respond


@pytest.mark.parametrize("number, code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_download_succeeds_after_an_interrupted_one(
    workspace: Workspace, server: Releases, number: int, code: int
) -> None:
    path = server.publish(PLATFORM)
    ends, begun = threading.Event(), threading.Event()
    server.misbehaviours[path] = sends_a_part(begun, ends)
    running = workspace.start("bootstrap.download", real=True)
    assert begun.wait(60)
    running.signal(number)
    assert running.process.wait(60) == code
    ends.set()
    assert "CLIProxyAPIPlus" not in left(workspace)
    del server.misbehaviours[path]
    workspace.inv("bootstrap.download")
    assert left(workspace) == {"CLIProxyAPIPlus", "CLIProxyAPIPlus.lock", "litellm"}


def test_a_local_file_is_installed_offline_and_rolled_back(workspace: Workspace) -> None:
    workspace.variables["HTTPS_PROXY"] = "http://127.0.0.1:1"
    for number in ("6.0.0", "6.1.0"):
        (workspace.folder / f"{number}.tar.gz").write_bytes(packed(program(number)))
        words = ("--from-file", str(workspace.folder / f"{number}.tar.gz"), "--offline", "--allow-unverified")
        workspace.inv("bootstrap.download", *words)
    assert "restored 6.0.0" in workspace.inv("bootstrap.rollback").stderr
    assert json.loads((workspace.folder / f"{BINARY}.lock").read_text())["version"] == "6.0.0"


@pytest.mark.parametrize(
    "words", [("--cliproxy-repo", "nobody"), ("--cliproxy-version", "../x"), ("--from-file", "/nowhere/x.tar.gz")]
)
def test_invalid_options_exit_2_and_change_nothing(workspace: Workspace, words: tuple[str, str]) -> None:
    workspace.inv("bootstrap.download", *words, code=2)
    assert not (workspace.runtime / "bin").exists()
