"""Python environments on the disk: what is installed in one, whether it is whole, and moving it into its place."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path

from packaging.utils import canonicalize_name

from flowgate.system import bytecode, replace_file
from flowgate.system.disk_errors import translate_os_errors
from flowgate.system.locations import PACKAGE
from flowgate.system.regular_files import read_bytes_bounded

OWN = "own"  # the folder with a link to FlowGate's package
OWN_PTH = "flowgate-own.pth"
INFO = ".dist-info"


def base_python() -> Path:
    """Return the interpreter on which FlowGate's own environment rests."""
    base = getattr(sys, "_base_executable", "") or sys.executable
    return Path(base)


def python_version() -> str:
    """Return the whole version of Python ("3.11.7")."""
    return ".".join(str(part) for part in sys.version_info[:3])


def uv_version(folder: Path) -> str:
    """Return the version of uv that created an environment ("0.13.9"); "unknown" if it does not say.

    Args:
        folder: The environment's folder.

    Raises:
        DiskError: It cannot be read.
    """
    with translate_os_errors(folder):
        text = read_bytes_bounded(folder / "pyvenv.cfg").decode(errors="replace")
    match = re.search(r"^uv\s*=\s*(\S+)", text, re.MULTILINE)
    return match[1] if match else "unknown"


def python(folder: Path) -> Path:
    """Return the interpreter of an environment.

    Args:
        folder: The environment's folder.
    """
    return folder / "bin" / "python"


def site_packages(folder: Path) -> Path:
    """Return the folder of an environment's distributions.

    Args:
        folder: The environment's folder.
    """
    return folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"


def distributions(site: Path) -> dict[str, tuple[str, str]]:
    """Return what is installed: name → version and the digest of its list of files.

    Args:
        site: The folder of the distributions.

    Raises:
        DiskError: It cannot be read.
    """
    found: dict[str, tuple[str, str]] = {}
    with translate_os_errors(site):
        for path in sorted(site.glob(f"*{INFO}")):
            name, _, version = path.name.removesuffix(INFO).rpartition("-")
            record = path / "RECORD"
            digest = hashlib.sha256(read_bytes_bounded(record)).hexdigest() if record.is_file() else ""
            found[canonicalize_name(name)] = (version, digest)
    return found


def digest(site: Path) -> str:
    """Return the digest of the Python version and of every distribution with its version.

    Args:
        site: The folder of the distributions.
    """
    return bytecode.environment(site)


def add_own_package(folder: Path) -> None:
    """Put FlowGate's own package on the path of a new environment, by a path that survives a move of the environment.

    Args:
        folder: The environment's folder.

    Raises:
        DiskError: It cannot be written.
    """
    link_own_package(folder)
    site = site_packages(folder)
    with translate_os_errors(folder):
        (site / OWN_PTH).write_text(f"{os.path.relpath(folder / OWN, site)}\n")


def link_own_package(folder: Path) -> None:
    """Let an environment use the package of the FlowGate that runs now.

    Args:
        folder: The environment's folder.

    Raises:
        DiskError: It cannot be written.
    """
    with translate_os_errors(folder):
        (folder / OWN).mkdir(0o700, exist_ok=True)
        temp = folder / OWN / f".{PACKAGE.name}.new"
        temp.unlink(missing_ok=True)
        temp.symlink_to(PACKAGE)
        temp.replace(folder / OWN / PACKAGE.name)


def has_own_package(folder: Path) -> bool:
    """Return whether an environment uses the package of the FlowGate that runs now.

    Args:
        folder: The environment's folder.
    """
    link = folder / OWN / PACKAGE.name
    return link.is_dir() and link.resolve() == PACKAGE


def move_into_place(built: Path, target: Path, aside: Path) -> None:
    """Give a new environment its final name; what was there is moved aside first.

    Args:
        built: The new environment, on the same file system.
        target: Its final folder.
        aside: Where to move what is there now.

    Raises:
        DiskError: It failed.
    """
    with translate_os_errors(target):
        if target.is_symlink() or target.exists():
            target.rename(aside)
        try:
            built.rename(target)
        except OSError:
            if aside.exists():
                aside.rename(target)
            raise
        replace_file.sync_folder(target.parent)
