from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.cli import doctor
from flowgate.cli.session import Session
from flowgate.system import processes
from tests.unit.cli.sessions import SessionFactory, put

if TYPE_CHECKING:
    from tests.conftest import Workspace


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def record(session: Session, number: int, pid: int, ticks: int) -> Path:
    """Write the record of a generation of LiteLLM."""
    identity = {"service": "litellm", "number": number, "pid": pid, "ticks": ticks}
    program = {"host": "127.0.0.1", "port": 4000, "labels": {}, "digest": "d", "log": "litellm.log"}
    text = json.dumps({**identity, **program, "private_address": ["127.0.0.1", 4001]})
    return put(session.supervisor.folder / f"litellm-{number}.json", text)


# --- checks


def test_a_runtime_folder_that_cannot_be_created_fails(new_session: SessionFactory) -> None:
    one = new_session()
    put(one.config.root / ".router", "a file in the way")
    [found] = doctor.folders(one)
    assert (found.status, found.fix) == ("fail", f"ls -ld {one.config.paths.runtime_dir}")


def test_missing_folders_are_a_warning(new_session: SessionFactory) -> None:
    [found] = doctor.folders(new_session())
    assert (found.status, found.fix) == ("warn", "inv doctor --fix")


@pytest.mark.parametrize("free, status", [(10**8, "fail"), (5 * 10**8, "warn"), (10**10, "pass")])
def test_little_disk_space_is_a_warning_and_less_fails(
    new_session: SessionFactory, monkeypatch: pytest.MonkeyPatch, free: int, status: str
) -> None:
    monkeypatch.setattr("flowgate.system.files.free_bytes", lambda path: free)
    assert [one.status for one in doctor.disk(new_session())] == [status]


def test_a_migrated_config_is_a_warning(new_session: SessionFactory) -> None:
    found = list(doctor.config(new_session(("services:", "config_version: 1\nservices:"))))
    assert [one.status for one in found] == ["warn", "pass"]


def test_records_of_ended_processes_are_leftovers(new_session: SessionFactory) -> None:
    one = new_session()
    record(one, 1, os.getpid(), ticks=1)  # that pid is in use by another process
    [found] = doctor.leftovers(one)
    assert (found.status, found.fix, "litellm-1.json" in found.message) == ("warn", "inv doctor --fix", True)


def test_processes_of_a_killed_supervisor_are_named(new_session: SessionFactory) -> None:
    me = processes.identify(os.getpid())
    assert me
    record(one := new_session(), 2, me.pid, me.ticks)
    [found] = doctor.leftovers(one)
    assert (found.status, found.fix, f"process {me.pid}" in found.message) == ("warn", "inv status", True)


# --- fixes


def test_fixes_create_folders_close_secrets_and_delete_leftovers(new_session: SessionFactory) -> None:
    one = new_session()
    key = put(one.config.root / ".router" / "secrets" / "management-key", "sk-x", 0o644)
    stale = record(one, 1, os.getpid(), ticks=1)
    message = "\n".join(doctor.apply_fixes(one))
    assert (mode(key), stale.exists(), one.config.paths.log_file.parent.is_dir()) == (0o600, False, True)
    assert all(words in message for words in (f"chmod 600 {key} (was 644)", f"deleted {stale}", "created "))
    assert doctor.apply_fixes(one) == []


def test_fixes_leave_links_to_other_files_alone(new_session: SessionFactory) -> None:
    one = new_session()
    elsewhere = put(one.config.root / "elsewhere", "", 0o644)
    put(one.config.root / ".router" / "secrets" / "mine", "sk-x").with_name("link").symlink_to(elsewhere)
    doctor.apply_fixes(one)
    assert mode(elsewhere) == 0o644


def test_fixes_keep_records_of_running_processes(new_session: SessionFactory) -> None:
    me = processes.identify(os.getpid())
    assert me
    kept = record(one := new_session(), 2, me.pid, me.ticks)
    doctor.apply_fixes(one)
    assert kept.exists()


# --- as a command


def statuses(tree: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["status"] for one in tree["findings"]}


def test_a_valid_workspace_passes_and_every_check_has_a_finding(workspace: Workspace) -> None:
    tree = workspace.json("doctor")
    assert (tree["ok"], tree["config"], tree["counts"]["fail"]) == (True, str(workspace.config), 0)
    names = set(statuses(tree))
    assert {name for name, _ in (*doctor.OF_A_CONFIG, *doctor.ALWAYS)} == names


def test_every_error_of_a_config_is_listed_and_the_other_checks_run(workspace: Workspace) -> None:
    workspace.edit_config((f"port: {workspace.litellm_port}", "port: none"), ("services:", "servces:"))
    workspace.config.write_text(workspace.config.read_text() + "colour: red\n")
    tree = workspace.json("doctor", code=1)
    config = [one for one in tree["findings"] if one["check"] == "config"]
    assert len(config) >= 2
    assert all(str(workspace.config) in one["fix"] for one in config)
    assert "litellm" in statuses(tree)


def test_fix_makes_a_secret_private_and_prints_it(workspace: Workspace) -> None:
    key = put(workspace.folder / ".router" / "secrets" / "management-key", "sk-x", 0o644)
    assert f"chmod 600 {key}" in workspace.inv("doctor", code=1).stdout
    assert f"~ chmod 600 {key} (was 644)" in workspace.inv("doctor", "--fix").stderr


def test_checks_write_nothing(workspace: Workspace) -> None:
    before = workspace.snapshot()
    workspace.inv("doctor")
    assert workspace.snapshot() == before


def test_a_running_gateway_passes(workspace: Workspace) -> None:
    workspace.inv("up")
    tree = workspace.json("doctor")
    assert {one["status"] for one in tree["findings"] if one["check"] in ("ports", "leftovers")} == {"pass"}
    assert workspace.json("security.check")["ok"] is True


def test_a_missing_config_is_a_usage_error(workspace: Workspace) -> None:
    workspace.config.unlink()
    assert "there is no config file at" in workspace.inv("doctor", code=2).stderr


def test_folders_of_killed_rehearsals_are_found_and_deleted(
    new_session: SessionFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    left = tmp_path / f"flowgate-rehearsal-{int(ended.stdout)}-x"
    left.mkdir()
    session = new_session()
    assert str(left) in next(one.message for one in doctor.leftovers(session) if one.status == "warn")
    assert f"deleted {left}" in doctor.apply_fixes(session)
    assert not left.exists()


@pytest.mark.parametrize("key", ["log_file", "active_config", "state_file"])
def test_a_folder_in_the_place_of_a_file_fails(new_session: SessionFactory, tmp_path: Path, key: str) -> None:
    one = new_session(("services:\n", f"paths: {{{key}: taken}}\nservices:\n"))
    (one.config.root / "taken").mkdir()
    (found,) = doctor.folders(one)
    assert (found.status, "is a folder" in found.message) == ("fail", True)
