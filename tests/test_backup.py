"""`backup` and `restore` as commands: of a gateway that runs, and into another folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.conftest import Workspace

PHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A gateway that runs and has a client and a backup."""
    with Workspace(tmp_path_factory.mktemp("g")).write() as found:
        (found.folder / "phrase").write_text(PHRASE)
        (found.folder / "phrase").chmod(0o600)
        found.inv("up", "--profile", "cost")
        found.inv("client.add", "laptop")
        found.inv("backup", str(found.folder / "b.age"), "--passphrase-file", str(found.folder / "phrase"))
        yield found


def words(source: Workspace, *more: str) -> tuple[str, ...]:
    return ("restore", str(source.folder / "b.age"), "--passphrase-file", str(source.folder / "phrase"), *more)


def test_a_running_gateway_is_not_restored_over(running: Workspace) -> None:
    done = running.inv(*words(running, "--force"), code=2)
    assert f"the gateway of {running.config} runs" in done.stderr
    assert "fix: inv down" in done.stderr


def test_a_backup_of_a_running_gateway_is_restored_elsewhere(running: Workspace, workspace: Workspace) -> None:
    workspace.config.unlink()
    workspace.inv(*words(running))
    workspace.edit_config(
        (f"port: {running.litellm_port}", f"port: {workspace.litellm_port}"),
        (f"port: {running.upstream_port}", f"port: {workspace.upstream_port}"),
    )
    assert [one["name"] for one in workspace.json("client.list")["clients"]] == ["laptop"]
    assert workspace.json("status")["profile"] == {"name": "cost", "by": "state"}
    keys = [one.folder / ".router" / "secrets" / "litellm-master-key" for one in (running, workspace)]
    assert keys[0].read_text() == keys[1].read_text()


def test_the_passphrase_comes_through_a_pipe_and_is_nowhere_shown(running: Workspace) -> None:
    script = f"{sys.executable} -m invoke backup {running.folder}/c.age < {running.folder}/phrase"
    done = running.start("-c", script, program=("sh",)).wait_for_exit()
    assert done.returncode == 0
    assert PHRASE not in done.stdout + done.stderr


def test_a_second_backup_needs_force_and_bad_words_are_refused(running: Workspace) -> None:
    assert "exists already" in running.inv("backup", str(running.folder / "b.age"), code=2).stderr
    assert "there is no passphrase" in running.inv("backup", str(running.folder / "d.age"), code=2).stderr
    assert not (running.folder / "d.age").exists()
