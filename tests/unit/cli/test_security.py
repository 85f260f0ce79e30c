from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import security
from flowgate.cli.session import Session
from flowgate.errors import UsageError
from flowgate.system import files
from tests.unit.cli.sessions import SessionFactory, put

if TYPE_CHECKING:
    from tests.conftest import Workspace

KEY = "sk-0123456789abcdef"
RULES = ".env\n*.pem\n*.key\n.router/\n"


@pytest.fixture
def here(new_session: SessionFactory) -> Session:
    """A session whose config is in a git checkout."""
    one = new_session()
    subprocess.run(["git", "init", "-q", str(one.config.root)], check=True)
    (one.config.root / ".gitignore").write_text(RULES)
    return one


def add(session: Session, name: str, text: str = "") -> None:
    put(session.config.root / name, text)
    subprocess.run(["git", "-C", str(session.config.root), "add", "-f", name], check=True)


def roots(session: Session) -> list[Path]:
    return [session.config.root.resolve()]


# --- git


@pytest.mark.parametrize(
    "name",
    [".env", "deep/.env.local", "a.pem", "id_ed25519", ".router/secrets/x", "auths/codex.json", "config/flowgate.yaml"],
)
def test_a_tracked_sensitive_file_fails_with_the_command_that_untracks_it(here: Session, name: str) -> None:
    add(here, name)
    [found] = security.tracked(roots(here), here)
    assert found.status == "fail"
    assert found.fix == f"git -C {roots(here)[0]} rm --cached {name}"


@pytest.mark.parametrize("name", [".env.example", "config/examples/flowgate.yaml", "secrets/__init__.py", "keys.md"])
def test_a_harmless_name_passes(name: str) -> None:
    assert not security.is_sensitive(name)


def test_a_tracked_file_with_a_key_of_ours_fails_and_the_key_is_not_printed(here: Session) -> None:
    put(here.config.root / ".router" / "secrets" / "litellm-master-key", f"{KEY}\n")
    add(here, "notes.txt", f"the key is {KEY}")
    [found] = security.tracked(roots(here), here)
    assert (found.status, "notes.txt" in found.message, KEY in found.message) == ("fail", True, False)


def test_a_clean_checkout_passes(here: Session) -> None:
    add(here, "README.md")
    assert [one.status for one in security.tracked(roots(here), here)] == ["pass"]


def test_missing_ignore_rules_are_named_with_the_command_that_adds_them(here: Session) -> None:
    (here.config.root / ".gitignore").write_text("*.key\n.router/auths/\n")
    [found] = security.ignored(roots(here), here)
    assert found.status == "fail"
    assert all(name in found.message for name in (".env", "server.pem", ".router/secrets/litellm-master-key"))
    subprocess.run(found.fix, shell=True, check=True)  # noqa: S602 - the command that is printed
    assert [one.status for one in security.ignored(roots(here), here)] == ["pass"]


def test_outside_a_checkout_the_git_checks_pass(new_session: SessionFactory) -> None:
    one = new_session()
    found = [*security.tracked([], one), *security.ignored([], one)]
    assert {(finding.status, finding.message) for finding in found} == {("pass", "not a git checkout")}


# --- ports


@pytest.mark.parametrize("host, status", [("127.0.0.1", "pass"), ("0.0.0.0", "fail")])  # noqa: S104 - closed at once
def test_a_process_that_other_machines_can_reach_fails(
    here: Session, monkeypatch: pytest.MonkeyPatch, host: str, status: str
) -> None:
    running = {"supervisor": os.getpid(), "services": {}}
    monkeypatch.setattr(here.supervisor, "status", lambda: running)
    with socket.create_server((host, 0)) as sock:
        port = sock.getsockname()[1]
        [found] = security.listening(here)
    assert found.status == status
    assert status == "pass" or f"of the supervisor listens on 0.0.0.0:{port}" in found.message


# --- the hook


def test_the_hook_is_written_once(here: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.config.root)
    path = here.config.root / ".git" / "hooks" / "pre-push"
    assert security.install_hook() == 0
    date = path.stat().st_mtime_ns
    assert security.install_hook() == 0
    assert (files.is_executable(path), path.stat().st_mtime_ns) == (True, date)


def test_an_unrelated_hook_is_left_alone(here: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.config.root)
    path = put(here.config.root / ".git" / "hooks" / "pre-push", "#!/bin/sh\nmine\n", 0o755)
    with pytest.raises(UsageError, match="an unrelated pre-push hook already exists") as error:
        security.install_hook()
    assert "security check" in error.value.fix
    assert path.read_text() == "#!/bin/sh\nmine\n"


def test_outside_a_checkout_no_hook_can_be_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not a git checkout"):
        security.install_hook()


def test_flowgates_own_checkout_uses_the_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("flowgate.system.locations.checkout", lambda: tmp_path)
    assert "exec ./scripts/security_check.sh </dev/null" in security.hook(tmp_path)


def push(workspace: Workspace, root: Path, name: str) -> int:
    """Commit a new file and push it; return git's exit code."""
    put(root / name, "")
    git = ["git", "-C", str(root), "-c", "user.name=me", "-c", "user.email=me@example.org"]
    subprocess.run([*git, "add", "-f", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", name], check=True)
    command = [*git, "push", "-q", str(workspace.folder / "there.git"), "HEAD:refs/heads/main"]
    return subprocess.run(command, env=workspace.environment(), capture_output=True, check=False).returncode


def test_a_push_is_rejected_while_the_check_fails(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    root = workspace.folder / "work"
    subprocess.run(["git", "init", "-q", "--bare", str(workspace.folder / "there.git")], check=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    put(root / ".gitignore", RULES)
    monkeypatch.chdir(root)
    security.install_hook()
    assert push(workspace, root, "README.md") == 0
    assert push(workspace, root, ".env") != 0
