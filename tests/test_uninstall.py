"""`uninstall`, and the disk use that `status` prints."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Workspace


@pytest.fixture
def used(workspace: Workspace) -> Workspace:
    """A gateway that ran, with an account and a configured client program."""
    account = workspace.folder / ".router" / "auths" / "codex-a.json"
    workspace.inv("up")
    workspace.inv("client.add", "laptop", "--program", "codex")
    account.parent.mkdir(mode=0o700, exist_ok=True)
    account.write_text("{}")
    workspace.inv("down")
    return workspace


def test_it_shows_sizes_and_deletes_nothing(used: Workspace) -> None:
    before = used.snapshot()
    done = used.inv("uninstall")
    assert "would delete logs and events" in done.stdout
    assert "keep         accounts" in done.stdout
    assert "nothing was deleted yet: add --yes" in done.stderr
    assert "configuration of client 'laptop' would be taken back" in done.stderr
    assert used.snapshot().keys() == before.keys()


def test_yes_keeps_what_cannot_be_made_again(used: Workspace) -> None:
    codex = used.folder / "home" / ".codex" / "config.toml"
    assert codex.is_file()
    used.inv("uninstall", "--yes")
    assert not used.runtime.exists()
    assert not codex.exists()
    assert (used.folder / ".router" / "auths" / "codex-a.json").is_file()
    assert (used.folder / ".router" / "secrets" / "litellm-master-key").is_file()
    assert used.config.is_file()


def test_accounts_are_deleted_when_they_are_named(used: Workspace) -> None:
    used.inv("uninstall", "--yes", "--accounts")
    assert not (used.folder / ".router").exists()
    assert not used.config.exists()


def test_a_gateway_that_runs_is_refused(workspace: Workspace) -> None:
    workspace.inv("up")
    done = workspace.inv("uninstall", "--yes", code=2)
    assert "error: the gateway runs" in done.stderr
    assert "fix: inv down" in done.stderr


@pytest.mark.parametrize(
    "unit", [".config/systemd/user/flowgate.service", ".config/systemd/user/flowgate-work.service"]
)
def test_an_installed_unit_comes_first(workspace: Workspace, unit: str) -> None:
    path = Path(workspace.environment()["HOME"]) / unit
    path.parent.mkdir(parents=True)
    path.touch()
    done = workspace.inv("uninstall", "--yes", code=2)
    assert f"{path} starts FlowGate as a service" in done.stderr
    assert "fix: inv service.uninstall" in done.stderr


def test_a_second_run_has_nothing_left(used: Workspace) -> None:
    used.inv("uninstall", "--yes")
    assert "nothing of this gateway is left to delete" in used.inv("uninstall", "--yes").stderr


def test_status_shows_the_disk_use_of_each_kind(used: Workspace) -> None:
    disk = json.loads(used.inv("status", "--json").stdout)["disk"]
    assert disk["ledger"]["bytes"] >= 0
    assert disk["accounts"]["bytes"] >= 2
    assert all(one["complete"] for one in disk.values())
    assert "disk     accounts" in used.inv("status").stdout
