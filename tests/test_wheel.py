"""The wheel, installed into an empty environment and run from an empty folder: it contains everything it needs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT, CompletedCommand, without_crash

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
]


@dataclass(frozen=True)
class Installed:
    """FlowGate installed without a checkout."""

    folder: Path

    def flowgate(self, *words: str, code: int = 0) -> CompletedCommand:
        """Run a command from an empty folder, with its own home."""
        env = {"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "LANG": "C.UTF-8"}
        argv = [str(self.folder / "env" / "bin" / "flowgate"), *words]
        done = subprocess.run(
            argv, cwd=self.folder / "empty", env=env, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return without_crash(done)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """Build the wheel and install it with the runtime."""
    folder = tmp_path_factory.mktemp("w")
    for name in ("home", "empty"):
        (folder / name).mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(("VIRTUAL_ENV", "UV_PROJECT"))}

    def uv(*words: str) -> None:
        subprocess.run(["uv", *words], cwd=CHECKOUT, env=env, check=True, capture_output=True, timeout=300)

    uv("build", "--wheel", "--out-dir", str(folder))
    (wheel,) = folder.glob("*.whl")
    uv("venv", "--no-project", str(folder / "env"))
    uv("pip", "install", "--python", str(folder / "env" / "bin" / "python"), f"{wheel}[runtime]")
    yield Installed(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_version_help_and_lists_work(installed: Installed) -> None:
    assert installed.flowgate("--version").stdout.startswith("flowgate ")
    assert "auth login" in installed.flowgate("--help").stdout
    assert "balanced" in installed.flowgate("profile", "list").stdout
    assert "codex" in installed.flowgate("auth", "list").stdout
    assert "nothing wrong" in installed.flowgate("play", "up", "--syntax-check").stderr


def test_smoke_works_without_a_checkout(installed: Installed) -> None:
    assert "PASS" in installed.flowgate("smoke", "--profile", "reliability").stdout
    assert list((installed.folder / "empty").iterdir()) == []


def test_init_writes_a_config_into_the_current_folder(installed: Installed) -> None:
    installed.flowgate("init")
    assert (installed.folder / "empty" / "config" / "flowgate.yaml").is_file()
    assert "flowgate.yaml" in installed.flowgate("profile", "list").stderr
