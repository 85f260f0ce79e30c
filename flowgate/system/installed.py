"""Versions of installed and locked distributions; nothing is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import tomllib
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.system import files


def version(name: str) -> str | None:
    """Return the version of an installed distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def is_importable(package: str) -> bool:
    """Return whether a package exists, without importing it; of a dotted name the first part counts."""
    return importlib.util.find_spec(package.partition(".")[0]) is not None


def locked(root: Path, name: str) -> str | None:
    """Return the version of a distribution in a checkout's `uv.lock`.

    Args:
        root: The checkout's root.
        name: The distribution.

    Returns:
        The version; None if the distribution is not locked.

    Raises:
        UsageError: `uv.lock` is not valid TOML.
        DiskError: It cannot be read.
    """
    text = files.read_text_or_none(root / "uv.lock")
    try:
        packages = tomllib.loads(text or "").get("package", [])
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{root / 'uv.lock'} is damaged: {error}", fix="git checkout uv.lock") from None
    return next((str(one.get("version")) for one in packages if one.get("name") == name), None)
