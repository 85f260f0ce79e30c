"""Which distributions are installed and locked, without importing any."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tomllib
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system import files


def version(name: str) -> str | None:
    """Give the version of an installed distribution; None when there is none."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def is_importable(package: str) -> bool:
    """Say whether a top-level package can be found; it is not imported."""
    return importlib.util.find_spec(package) is not None


def locked(root: Path, name: str) -> str | None:
    """Give the version that a checkout's `uv.lock` names for a distribution; None when it names none.

    Raises:
        UsageError: The lock is damaged.
        DiskError: See the message.
    """
    text = files.read_text_or_none(root / "uv.lock")
    try:
        packages = tomllib.loads(text or "").get("package", [])
    except tomllib.TOMLDecodeError as fault:
        raise UsageError(f"{root / 'uv.lock'} is damaged: {fault}", fix="git checkout uv.lock") from None
    return next((str(one.get("version")) for one in packages if one.get("name") == name), None)
