"""`service install` and `service uninstall`, without a service manager and with a stand-in for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Workspace


def unit(workspace: Workspace) -> Path:
    return workspace.folder / "home" / ".config" / "systemd" / "user" / "flowgate.service"


@pytest.fixture
def systemctl(workspace: Workspace) -> Path:
    """A `systemctl` that accepts everything; return the file with the words that it got."""
    folder, log = workspace.folder / "tools", workspace.folder / "systemctl.log"
    folder.mkdir()
    (folder / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {log}\n')
    (folder / "systemctl").chmod(0o755)
    workspace.variables = {"PATH": f"{folder}:{workspace.environment()['PATH']}"}
    return log


def test_it_is_written_once_and_taken_back(workspace: Workspace) -> None:
    assert "is written" in workspace.inv("service.install").stderr
    assert f"--config {workspace.config} run\n" in unit(workspace).read_text()
    assert "is unchanged" in workspace.inv("service.install").stderr
    workspace.inv("service.uninstall")
    assert not unit(workspace).exists()
    workspace.inv("service.uninstall")


def test_check_mode_shows_the_file_and_writes_nothing(workspace: Workspace) -> None:
    done = workspace.inv("--dry", "service.install", "--profile", "cost")
    assert "+WatchdogSec=" in done.stderr
    assert "run --profile cost" in done.stderr
    assert "run --profile cost --watch" in workspace.inv("--dry", "service.install", "--profile=cost", "--watch").stderr
    assert not unit(workspace).exists()


def test_without_a_manager_the_commands_are_named(workspace: Workspace) -> None:
    workspace.variables = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/absent", "XDG_RUNTIME_DIR": "/absent"}
    done = workspace.inv("service.install")
    assert "systemctl --user enable --now flowgate.service" in done.stderr
    assert "loginctl enable-linger" in done.stderr


def test_with_a_manager_it_is_started_and_stopped(workspace: Workspace, systemctl: Path) -> None:
    workspace.inv("service.install")
    assert "--user daemon-reload\n--user enable --now flowgate.service\n" in systemctl.read_text()
    workspace.inv("service.uninstall")
    assert "--user disable --now flowgate.service\n--user daemon-reload\n" in systemctl.read_text()


def test_a_change_reaches_the_manager_without_a_restart(workspace: Workspace, systemctl: Path) -> None:
    workspace.inv("service.install")
    systemctl.unlink()
    assert "systemctl --user restart flowgate" in workspace.inv("service.install", "--profile", "cost").stderr
    assert "restart" not in systemctl.read_text()


@pytest.mark.parametrize("spoil", ["# edited\n", ""])
def test_a_file_that_is_not_as_written_is_kept(workspace: Workspace, spoil: str) -> None:
    workspace.inv("service.install")
    text = unit(workspace).read_text() + spoil if spoil else "[Unit]\nDescription=mine\n"
    unit(workspace).write_text(text)
    workspace.inv("service.install", code=2)
    workspace.inv("service.uninstall", code=2)
    assert unit(workspace).read_text() == text
    workspace.inv("service.install", "--force")
    assert "WatchdogSec" in unit(workspace).read_text()


def test_another_config_needs_another_name(workspace: Workspace) -> None:
    workspace.inv("service.install")
    other = workspace.folder / "other.yaml"
    other.write_text(workspace.config.read_text())
    done = workspace.inv("--config", str(other), "service.install", code=2)
    assert "runs another config" in done.stderr
    workspace.inv("--config", str(other), "service.install", "--name", "second")
    assert unit(workspace).with_name("second.service").is_file()


def test_a_variable_of_the_shell_is_wanted_as_a_secret_file(workspace: Workspace) -> None:
    workspace.edit_config(("os.environ/UPSTREAM_API_KEY", "os.environ/MY_KEY"))
    workspace.variables = {"MY_KEY": "value-of-my-key"}
    done = workspace.inv("service.install", code=2)
    file = workspace.runtime.parent / "secrets" / "my-key"
    assert f"printenv MY_KEY > {file}" in done.stderr
    assert "value-of-my-key" not in done.stderr
    assert not unit(workspace).exists()
    file.parent.mkdir(mode=0o700, parents=True)
    file.write_text("value-of-my-key\n")
    workspace.inv("service.install")


def test_up_names_the_installed_service(workspace: Workspace) -> None:
    workspace.inv("service.install")
    assert "systemctl --user start flowgate" in workspace.inv("--dry", "up").stderr


@pytest.mark.parametrize("name", ["", "a/b", "../x", "a b"])
def test_an_odd_name_is_refused(workspace: Workspace, name: str) -> None:
    workspace.inv("service.install", f"--name={name}", code=2)
