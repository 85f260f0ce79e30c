"""The wheel, built and installed into an empty environment, run from an empty folder: nothing of the checkout helps."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from tests.conftest import CHECKOUT, Done, checked

UV = shutil.which("uv")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(UV is None, reason="uv is not installed: nothing to build the wheel with"),
]


@dataclass(frozen=True)
class Installed:
    """`flowgate` from the wheel. environment: the folder it is installed in; folder, home: empty at first."""

    environment: Path
    folder: Path
    home: Path

    def run(self, *words: str, seconds: float = 60.0) -> Done:
        """Run it to its end, with nothing but a PATH and the empty home."""
        argv = [str(self.environment / "bin" / "flowgate"), *words]
        env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.home)}
        done = subprocess.run(
            argv, cwd=self.folder, env=env, capture_output=True, text=True, check=False, timeout=seconds
        )
        return checked(done)

    def gives(self, *words: str, seconds: float = 60.0) -> str:
        """Run it; it must end with 0. Gives: what it printed."""
        done = self.run(*words, seconds=seconds)
        assert done.returncode == 0, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def processes(self) -> list[psutil.Process]:
        """Find what runs out of this environment."""
        return [one for one in psutil.process_iter() if _program(one).startswith(str(self.environment))]


def _program(process: psutil.Process) -> str:
    try:
        return next(iter(process.cmdline()), "")
    except psutil.Error:  # it has just ended, or is another user's
        return ""


def uv(*words: str) -> str:
    """Run uv in the checkout; it must end with 0."""
    assert UV
    done = subprocess.run([UV, *words], cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, f"uv {words[0]}:\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel with its runtime, in the versions that the lock names."""
    place = tmp_path_factory.mktemp("w")
    uv("build", "--quiet", "--out-dir", str(place / "dist"))
    (wheel,) = (place / "dist").glob("*.whl")
    locked = place / "locked.txt"
    locked.write_text(uv("export", "--frozen", "--quiet", "--no-emit-project", "--no-hashes", "--group", "runtime"))
    uv("venv", "--quiet", str(place / "env"))
    python = str(place / "env" / "bin" / "python")
    uv("pip", "install", "--quiet", "--python", python, "--constraint", str(locked), f"{wheel}[runtime]")
    return place / "env"


@pytest.fixture
def installed(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """The installed program in an empty folder, with an empty home; whatever it leaves running is ended."""
    place = Installed(environment, tmp_path_factory.mktemp("f"), tmp_path_factory.mktemp("h"))
    yield place
    for process in place.processes():
        process.kill()


def test_nothing_of_the_checkout_is_used(installed: Installed, environment: Path) -> None:
    code = "import flowgate; print(flowgate.__file__)"
    argv = [str(environment / "bin" / "python"), "-c", code]
    said = subprocess.run(argv, cwd=installed.folder, capture_output=True, text=True, check=True).stdout
    assert said.startswith(str(environment))


def test_version_and_help(installed: Installed) -> None:
    assert installed.gives("--version").startswith("flowgate ")
    assert "\nprofile set " in installed.gives("--help")
    assert "Usage: flowgate smoke" in installed.gives("smoke", "--help")


def test_the_embedded_default_has_its_profiles(installed: Installed) -> None:
    assert installed.gives("profile", "list").split() == ["reliability", "*", "balanced", "cost"]


def test_init_writes_a_config_with_fresh_keys_and_it_is_the_one_in_use(installed: Installed) -> None:
    installed.gives("init")
    written = sorted(path.relative_to(installed.folder).as_posix() for path in installed.folder.rglob("*.yaml"))
    assert written == ["config/cliproxyapi.yaml", "config/flowgate.yaml"]
    listed = installed.run("profile", "list")
    assert (listed.returncode, "* balanced" in listed.stdout) == (0, True)
    assert f"config: {installed.folder}/config/flowgate.yaml" in listed.stderr


@pytest.mark.parametrize("name", sorted(path.stem for path in (CHECKOUT / "playbooks").glob("*.yml")))
def test_every_shipped_playbook_travels_with_it(installed: Installed, name: str) -> None:
    installed.gives("play", name, "--syntax-check")


@pytest.mark.live
def test_smoke_passes_and_leaves_nothing_running(installed: Installed) -> None:
    assert "PASS  balanced" in installed.gives("smoke", seconds=400)
    assert installed.processes() == []
    assert (installed.home / ".local" / "state" / "flowgate" / ".router").is_dir()
    assert list(installed.folder.iterdir()) == []
