"""Versions of installed and locked distributions; nothing is imported."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

from flowgate.errors import FlowGateError, UsageError
from flowgate.system import files
from flowgate.system.atomic_write import read_bytes_or_none


def version(name: str) -> str | None:
    """Return the version of an installed distribution; None if it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def written_on(name: str) -> date | None:
    """Return the day on which the files of an installed distribution were written (UTC); None if that is not known.

    Args:
        name: The distribution.
    """
    try:
        record = importlib.metadata.distribution(name).locate_file("") / f"{name}-{version(name)}.dist-info" / "RECORD"
        return datetime.fromtimestamp(Path(str(record)).stat().st_mtime, UTC).date()
    except (importlib.metadata.PackageNotFoundError, OSError, OverflowError, ValueError):
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


def source(package: str, path: str) -> str | None:
    """Return the text of a file of an installed package, without importing it; None if it cannot be read.

    Args:
        package: The package.
        path: The file's path below the package's folder.
    """
    root = folder(package)
    if root is None:
        return None
    try:
        return files.read_text_or_none(root / path)
    except FlowGateError:
        return None


def uses_name(package: str, name: str) -> bool:
    """Return whether the source of a package contains a name in quotes or as an argument, also if it cannot be read.

    Args:
        package: The package.
        name: The name.
    """
    root = folder(package)
    if root is None:
        return True
    word = re.escape(name.encode())
    pattern = re.compile(rb"""(["'])%b\1|\b%b\s*[:=]""" % (word, word))
    for path in root.rglob("*.py"):
        try:
            data = read_bytes_or_none(path) or b""
        except (FlowGateError, OSError):
            return True
        if name.encode() in data and pattern.search(data):
            return True
    return False


def folder(package: str) -> Path | None:
    """Return the folder of an installed package, without importing it; None if there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec is not None and spec.origin else None
