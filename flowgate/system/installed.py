"""Versions of installed and locked distributions; nothing is imported."""

from __future__ import annotations

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
    import importlib.metadata  # it takes as long as the rest of a short command

    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def written_on(name: str) -> date | None:
    """Return the day on which the files of an installed distribution were written (UTC); None if that is not known.

    Args:
        name: The distribution.
    """
    import importlib.metadata

    try:
        record = importlib.metadata.distribution(name).locate_file("") / f"{name}-{version(name)}.dist-info" / "RECORD"
        return datetime.fromtimestamp(Path(str(record)).stat().st_mtime, UTC).date()
    except (importlib.metadata.PackageNotFoundError, OSError, OverflowError, ValueError):
        return None


def requirements(name: str) -> list[str]:
    """Return the requirements of an installed distribution as its metadata lists them, with those of its extras.

    Args:
        name: The distribution.
    """
    import importlib.metadata

    try:
        return importlib.metadata.requires(name) or []
    except importlib.metadata.PackageNotFoundError:
        return []


def declared(project: Path) -> list[str]:
    """Return the requirements in a `pyproject.toml`: those of the project, and those of its extra `runtime`.

    Args:
        project: The file.

    Raises:
        UsageError: It is damaged or missing.
    """
    try:
        tree = tomllib.loads(files.read_text(project)).get("project", {})
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{project} is damaged: {error}", fix=f"git checkout {project.name}") from None
    return [*tree.get("dependencies", []), *tree.get("optional-dependencies", {}).get("runtime", [])]


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
    return None if root is None else source_in(root, path)


def source_in(root: Path, path: str) -> str | None:
    """Return the text of a file of a package; None if it cannot be read.

    Args:
        root: The package's folder.
        path: The file's path below it.
    """
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
    return True if root is None else uses_name_in(root, name)


def uses_name_in(root: Path, name: str) -> bool:
    """Return whether the source of a package contains a name in quotes or as an argument, also if it cannot be read.

    Args:
        root: The package's folder.
        name: The name.
    """
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


def looked_up(package: str, under: str, mapping: str) -> frozenset[str]:
    """Return the keys that a package's source looks up in a mapping by `MAPPING.get("key")` or `MAPPING["key"]`.

    Args:
        package: The package.
        under: The folder of the package to look in.
        mapping: The name of the variable that holds the mapping.
    """
    root = folder(package)
    return looked_up_in(root / under, mapping) if root is not None else frozenset()


def looked_up_in(root: Path, mapping: str) -> frozenset[str]:
    """Return the keys that the source in a folder looks up in a mapping.

    Args:
        root: The folder.
        mapping: The name of the variable that holds the mapping.
    """
    pattern = re.compile(rb"""%b(?:\.get\(|\[)\s*["'](\w+)["']""" % re.escape(mapping.encode()))
    found: set[str] = set()
    for path in root.rglob("*.py"):
        try:
            data = read_bytes_or_none(path) or b""
        except (FlowGateError, OSError):
            continue
        if mapping.encode() in data:
            found.update(name.decode() for name in pattern.findall(data))
    return frozenset(found)


def folder(package: str) -> Path | None:
    """Return the folder of an installed package, without importing it; None if there is none."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent if spec is not None and spec.origin else None
