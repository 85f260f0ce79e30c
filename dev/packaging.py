"""uv: is the lock file up to date, and what does the wheel contain."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

from flowgate.errors import CheckFailed, EnvironmentFailure, ProgramMissing
from flowgate.system.disk_errors import translate_os_errors

STALE = 1  # the exit code of `uv lock --check`
GIVE_UP_SECONDS = 600


def is_locked(root: Path) -> bool:
    """Check whether `uv.lock` matches `pyproject.toml`, without writing anything.

    Args:
        root: The checkout.

    Returns:
        True when it matches.

    Raises:
        ProgramMissing: uv is not installed.
        EnvironmentFailure: uv cannot answer.
    """
    done = _uv(root, "lock", "--check")
    if done.returncode not in (0, STALE):
        raise EnvironmentFailure(f"uv cannot check uv.lock: {reason(done)}", fix="uv lock --check")
    return done.returncode == 0


def build_wheel(root: Path, folder: Path) -> Path:
    """Build a project's wheel.

    Args:
        root: The checkout.
        folder: Folder for the wheel.

    Returns:
        Path of the wheel.

    Raises:
        ProgramMissing: uv is not installed.
        CheckFailed: The project cannot be built.
    """
    done = _uv(root, "build", "--wheel", "--no-create-gitignore", "--out-dir", str(folder))
    if done.returncode != 0:
        raise CheckFailed(f"the wheel cannot be built: {reason(done)}", fix="uv build --wheel")
    (wheel,) = folder.glob("*.whl")
    return wheel


def members(wheel: Path) -> list[str]:
    """List the files in a wheel.

    Args:
        wheel: Path of the wheel.

    Returns:
        Names of its files.

    Raises:
        EnvironmentFailure: The file is not a wheel.
    """
    try:
        with translate_os_errors(wheel), zipfile.ZipFile(wheel) as archive:
            return [name for name in archive.namelist() if not name.endswith("/")]
    except zipfile.BadZipFile:
        raise EnvironmentFailure(f"{wheel} is not a wheel", fix="build it again") from None


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


def reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return why uv failed: the last line of the build backend, else uv's own message.

    Args:
        done: The failed run.
    """
    before, found, after = f"\n{done.stderr}".partition("\nerror: ")
    last = before.rstrip().rpartition("\n")[2]
    if "Error: " in last:
        return last
    return " ".join(after.partition("\nhint: ")[0].split()) if found else f"exit code {done.returncode}"
