"""`service.install --system` under a real systemd that is process 1, with fake services: boot, power cut, shutdown."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.conftest import CompletedCommand, Workspace, wait
from tests.systemd_manager import SystemManager

SECONDS = 90.0
SYSTEM_UNITS = "/etc/systemd/system"
SERVING = "serving: cliproxyapi_plus, litellm; profile cost"


@pytest.fixture
def machine(workspace: Workspace) -> Iterator[SystemManager]:
    """A machine that has booted."""
    created = SystemManager(workspace)
    try:
        reason = created.start()
        if reason:
            pytest.skip(reason)
        yield created
    finally:
        created.stop()


def inv(workspace: Workspace, machine: SystemManager, *words: str, code: int = 0) -> CompletedCommand:
    """Run a command on the machine."""
    done = workspace.start(*words, before=machine.inside).wait_for_exit(SECONDS)
    assert done.returncode == code, f"{done.stderr}\n{machine.log()}"
    return done


def serves(machine: SystemManager) -> bool:
    """Wait until the service serves; return whether it does."""
    return wait(lambda: machine.show("StatusText") == SERVING, SECONDS)


def test_it_is_back_after_a_power_cut_and_after_a_shutdown(workspace: Workspace, machine: SystemManager) -> None:
    inv(workspace, machine, "service.install", "--system", "--profile", "cost")
    assert serves(machine), machine.log()
    assert (machine.show("User"), machine.show("UnitFileState")) == ("root", "enabled")
    machine.cut_power()
    assert serves(machine), machine.log()
    machine.shut_down()
    assert (machine.show("ActiveState"), machine.show("Result")) == ("inactive", "success")
    assert workspace.nothing_runs()
    machine.cut_power()
    assert serves(machine), machine.log()
    inv(workspace, machine, "service.uninstall", "--system")
    assert machine.show("LoadState") == "not-found"
    assert not list(machine.units.glob("*.service"))
    assert workspace.nothing_runs()


def test_a_gateway_whose_files_are_below_etc_can_write_them(workspace: Workspace, machine: SystemManager) -> None:
    folder = machine.units / "gateway"
    folder.mkdir()
    text = workspace.config.read_text().replace(str(workspace.runtime), f"{SYSTEM_UNITS}/gateway/.router/runtime")
    (folder / "flowgate.yaml").write_text(text)
    workspace.variables |= {"FLOWGATE_CONFIG": f"{SYSTEM_UNITS}/gateway/flowgate.yaml"}
    inv(workspace, machine, "service.install", "--system", "--profile", "cost")
    assert serves(machine), machine.log()
    assert (folder / ".router" / "runtime" / "state.json").is_file()
    inv(workspace, machine, "down")


def test_where_units_cannot_be_written_the_other_ways_are_named(workspace: Workspace, machine: SystemManager) -> None:
    subprocess.run([*machine.inside, "mount", "-o", "remount,bind,ro", SYSTEM_UNITS], check=True)
    refused = inv(workspace, machine, "service.install", "--system", code=3).stderr
    assert "leave out --system" in refused
    assert not list(machine.units.iterdir())
