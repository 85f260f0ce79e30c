"""What is wrong with installed packages, and with wheels: files outside, missing ones, code at every start."""

from __future__ import annotations

import csv
import os
import re
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from flowgate.system import python_bounds
from flowgate.system.disk_errors import translate_os_errors
from flowgate.system.locations import PACKAGE
from flowgate.system.python_environment import INFO, base_python, python, python_version, site_packages
from flowgate.system.regular_files import read_bytes_bounded

CODE_LINE = re.compile(rb"^import[ \t]", re.MULTILINE)  # a line of a .pth file that Python executes
AT_START = ("sitecustomize.py", "usercustomize.py", "sitecustomize", "usercustomize")
BOUNDS = re.compile(rb"^Requires-Python:\s*(\S.*)$", re.MULTILINE | re.IGNORECASE)
RESERVED = re.compile(r"bin/python[0-9.]*[wt]?|pyvenv\.cfg|own(?:/.*)?|flowgate-environment\.json|lib64|[^/]+\.pth")
MAX_EXAMPLES = 3


def of_environment(folder: Path) -> list[str]:
    """Return what is wrong with the packages of an environment, as phrases; at most three of them.

    Args:
        folder: The environment's folder.

    Raises:
        DiskError: It cannot be read.
    """
    with translate_os_errors(folder):
        return list(islice(_faults(folder.resolve()), MAX_EXAMPLES))


def of_wheels(folder: Path, is_used: Callable[[str, str], bool]) -> list[str]:
    """Return what is wrong with the names of files in wheels; uv leaves such files out without a word.

    Args:
        folder: The folder of the wheels.
        is_used: Returns whether the wheel of a distribution and version is used.

    Raises:
        DiskError: It cannot be read.
    """
    with translate_os_errors(folder):
        return list(islice(_wheel_faults(folder, is_used), MAX_EXAMPLES))


def _wheel_faults(folder: Path, is_used: Callable[[str, str], bool]) -> Iterator[str]:
    for path in sorted(folder.glob("*.whl")):
        name, version, *_ = [*path.name.split("-"), ""]
        if not is_used(name, version):
            continue
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            continue  # uv refuses it, and says why
        for one in names:
            if PurePosixPath(one).is_absolute() or ".." in PurePosixPath(one.replace("\\", "/")).parts:
                yield f"{path.name} would write outside of its environment ({one})"


def _faults(folder: Path) -> Iterator[str]:
    site = site_packages(folder)
    if python(folder).resolve() != base_python().resolve():
        yield "a package replaced the Python interpreter"
    for path in sorted(site.glob("*.pth")):
        if CODE_LINE.search(read_bytes_bounded(path)):
            yield f"{path.name} would run code at every start of Python"
    for name in (PACKAGE.name, *AT_START):
        if (site / name).exists():
            yield f"a package brings {name}, which would run in the place of FlowGate's or at every start of Python"
    for info in sorted(site.glob(f"*{INFO}")):
        yield from _package_faults(folder, site, info)


def _package_faults(folder: Path, site: Path, info: Path) -> Iterator[str]:
    name = " ".join(info.name.removesuffix(INFO).rsplit("-", 1))
    record, about = info / "RECORD", info / "METADATA"
    if not record.is_file() or not about.is_file():
        yield f"{name} has no list of its files" if about.is_file() else f"{name} has no description"
        return
    bounds = BOUNDS.search(read_bytes_bounded(about))
    if bounds and not python_bounds.supports(found := bounds[1].decode(errors="replace").strip()):
        yield f"{name} requires Python {found}, and this is {python_version()}"
    for row in csv.reader(read_bytes_bounded(record).decode(errors="replace").splitlines()):
        if row and (fault := _misplaced(folder, site, row[0])):
            yield f"{name} {fault}"


def _misplaced(folder: Path, site: Path, listed: str) -> str:
    """Return what is wrong with a file that a distribution lists; empty if it is there and inside."""
    path = Path(os.path.normpath(site / listed))
    if not path.is_relative_to(folder):
        return f"would write outside of its environment ({listed})"
    if RESERVED.fullmatch(str(path.relative_to(folder))):
        return f"would replace {path.relative_to(folder)}"
    return "" if path.exists() or "__pycache__" in path.parts else f"lacks the file {listed}"
