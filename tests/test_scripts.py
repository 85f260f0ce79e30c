"""The three scripts of older documentation, as processes."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, Workspace

NAMES = ("doctor", "smoke_local", "security_check")
FAKE = '#!/bin/sh\nprintf "%s\\n" "$@"\n'


@pytest.fixture(params=["flowgate", "uv"])
def copied(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A checkout with a fake program that prints its arguments: the environment's flowgate, or uv."""
    (tmp_path / "scripts").mkdir()
    for name in NAMES:
        (tmp_path / "scripts" / f"{name}.sh").write_text((CHECKOUT / "scripts" / f"{name}.sh").read_text())
    folder = tmp_path / ".venv" / "bin" if request.param == "flowgate" else tmp_path / "bin"
    folder.mkdir(parents=True)
    (folder / request.param).write_text(FAKE)
    (folder / request.param).chmod(0o755)
    return tmp_path


def arguments(root: Path, name: str, *words: str, **variables: str) -> list[str]:
    """Run a script; return the arguments that flowgate got."""
    env = {"PATH": f"{root}/bin:/usr/bin:/bin", **variables}
    argv = ["sh", f"scripts/{name}.sh", *words]
    done = subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, check=True)
    got = done.stdout.splitlines()
    return got[4:] if got[:2] == ["run", "--project"] else got


def test_doctor_passes_the_config_and_flags_on(copied: Path) -> None:
    assert arguments(copied, "doctor", "my config.yaml", "--fix") == ["--config", "my config.yaml", "doctor", "--fix"]


def test_doctor_without_a_config_passes_none_on(copied: Path) -> None:
    assert arguments(copied, "doctor") == ["doctor"]
    assert arguments(copied, "doctor", "--json") == ["doctor", "--json"]


def test_smoke_takes_profile_and_timeout_from_the_environment(copied: Path) -> None:
    words = arguments(copied, "smoke_local", "c.yaml", PROFILE="cost", STARTUP_TIMEOUT="60")
    assert words == ["--config", "c.yaml", "smoke", "--profile", "cost", "--startup-timeout", "60"]


def test_smoke_without_variables_passes_none_on(copied: Path) -> None:
    assert arguments(copied, "smoke_local", "--keep") == ["smoke", "--keep"]


def test_security_check_passes_flags_on(copied: Path) -> None:
    assert arguments(copied, "security_check", "--json") == ["security", "check", "--json"]


@pytest.mark.parametrize("name", NAMES)
def test_scripts_are_executable(name: str) -> None:
    assert (CHECKOUT / "scripts" / f"{name}.sh").stat().st_mode & 0o111 == 0o111


# --- with the real flowgate


def run(workspace: Workspace, name: str, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    argv = [str(CHECKOUT / "scripts" / f"{name}.sh"), *words]
    env = workspace.environment() | variables
    return subprocess.run(argv, cwd=workspace.folder, env=env, capture_output=True, text=True, check=False, timeout=90)


def test_the_doctor_script_passes_with_the_embedded_default(workspace: Workspace) -> None:
    done = run(workspace, "doctor", str(CHECKOUT / "config" / "examples" / "embedded.yaml"))
    assert (done.returncode, "the embedded default" in done.stderr) == (0, True), done.stdout


def test_the_security_script_works_outside_a_checkout(workspace: Workspace) -> None:
    done = run(workspace, "security_check")
    assert (done.returncode, done.stdout.count("not a git checkout")) == (0, 2), done.stdout


def test_the_smoke_script_tests_a_profile(workspace: Workspace) -> None:
    done = run(workspace, "smoke_local", str(workspace.config), PROFILE="cost", STARTUP_TIMEOUT="60")
    assert (done.returncode, done.stdout[:10]) == (0, "PASS  cost"), done.stderr


def test_the_smoke_script_has_flowgates_exit_code(workspace: Workspace) -> None:
    done = run(workspace, "smoke_local", str(workspace.config), PROFILE="cots")
    assert (done.returncode, "did you mean 'cost'?" in done.stderr) == (2, True)
