"""What `uv` says of a project and makes of it: whether its lock is fresh, and its wheel."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from flowgate.errors import CheckFailed, EnvironmentFailure, ProgramMissing
from flowgate.system.disk_errors import translate_os_errors

STALE = 1  # the exit code of `uv lock --check`
GIVE_UP_SECONDS = 600


def is_locked(root: Path) -> bool:
    """Say whether `uv.lock` is what `pyproject.toml` asks for; nothing is written.

    Raises:
        ProgramMissing: Without uv.
        EnvironmentFailure: Uv cannot tell.
    """
    done = _uv(root, "lock", "--check")
    if done.returncode not in (0, STALE):
        raise EnvironmentFailure(f"uv cannot tell whether uv.lock is fresh: {_reason(done)}", fix="uv lock --check")
    return done.returncode == 0


def build_wheel(root: Path, folder: Path) -> Path:
    """Build a project's wheel into a folder.

    Raises:
        ProgramMissing: Without uv.
        CheckFailed: The project cannot be built.
    """
    done = _uv(root, "build", "--wheel", "--no-create-gitignore", "--out-dir", str(folder))
    if done.returncode != 0:
        raise CheckFailed(f"the wheel cannot be built: {_reason(done)}", fix="uv build --wheel")
    (wheel,) = folder.glob("*.whl")
    return wheel


def members(wheel: Path) -> list[str]:
    """List the files in a wheel.

    Raises:
        EnvironmentFailure: It is none.
    """
    try:
        with translate_os_errors(wheel), zipfile.ZipFile(wheel) as archive:
            return [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile:
        raise EnvironmentFailure(f"{wheel} is no wheel", fix="build it again") from None


def _uv(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    argv = ["uv", *words, "--color", "never"]
    try:
        return subprocess.run(
            argv,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=GIVE_UP_SECONDS,
        )
    except FileNotFoundError:
        raise ProgramMissing("uv is not installed", fix="install it: https://docs.astral.sh/uv/") from None
    except subprocess.TimeoutExpired:
        raise EnvironmentFailure(f"`uv {' '.join(words)}` took longer than {GIVE_UP_SECONDS} s") from None


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Say why uv failed: the last words of the build backend, which stand before uv's own, else uv's own, unwrapped."""
    before, found, after = f"\n{done.stderr}".partition("\nerror: ")
    last = before.rstrip().rpartition("\n")[2]
    if "Error: " in last:
        return last
    return " ".join(after.partition("\nhint: ")[0].split()) if found else f"exit code {done.returncode}"
