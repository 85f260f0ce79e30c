"""Where the real clients are installed, outside the checkout, and how they get there.

`FLOWGATE_TEST_CLIENTS` names the folder. Without it they go into the user's cache folder. What is installed stays.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = "FLOWGATE_TEST_CLIENTS"
INSTALL_SECONDS = 600
Packages = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Install:
    """One folder with packages of one registry.

    Attributes:
        registry: "npm" or "pypi".
        name: Name of the folder.
        packages: The packages with their versions ("llm==0.36", "cline@3.0.65"); the first is the client itself.
    """

    registry: str
    name: str
    packages: Packages

    @property
    def folder(self) -> Path:
        """The folder of these packages."""
        return clients_folder() / f"{'npm' if self.registry == 'npm' else 'py'}-{self.name}"

    def program(self, name: str) -> Path:
        """Return the path of a program of the packages."""
        return self.folder / ("node_modules/.bin" if self.registry == "npm" else "bin") / name

    @property
    def version(self) -> str:
        """The version of the first package that is installed; empty if it is not."""
        package = self.packages[0]
        if self.registry == "npm":
            file = self.folder / "node_modules" / package.rpartition("@")[0] / "package.json"
            return str(json.loads(file.read_text())["version"]) if file.is_file() else ""
        name = package.partition("==")[0].replace("-", "_")
        found = sorted(self.folder.glob(f"lib/*/site-packages/{name}-*.dist-info"))
        return found[0].name.removesuffix(".dist-info").rpartition("-")[2] if found else ""


def clients_folder() -> Path:
    """Return the folder in which clients are installed."""
    cache_home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get(FOLDER) or cache_home / "flowgate-test-clients")


@cache
def why_missing(install: Install) -> str:
    """Install packages if need be; return why that is impossible, empty if they are there."""
    wanted = install.packages[0].rpartition("@" if install.registry == "npm" else "==")[2]
    if install.version == wanted:
        return ""
    tool = shutil.which("npm" if install.registry == "npm" else "uv")
    if tool is None:
        return f"{install.registry} packages cannot be installed here"
    install.folder.mkdir(parents=True, exist_ok=True)
    commands = _npm(tool, install) if install.registry == "npm" else _pypi(tool, install)
    for argv in commands:
        try:
            done = subprocess.run(argv, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"{install.packages[0]} was not installed within {INSTALL_SECONDS} s"
        if done.returncode:
            return f"{install.packages[0]} cannot be installed: {done.stderr.strip()[-200:]}"
    return ""


def _npm(npm: str, install: Install) -> list[list[str]]:
    quiet = ["--no-fund", "--no-audit", "--loglevel=error"]
    return [[npm, "install", "--prefix", str(install.folder), *quiet, *install.packages]]


def _pypi(uv: str, install: Install) -> list[list[str]]:
    environment = [uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(install.folder)]
    return [environment, [uv, "pip", "install", "--quiet", "--python", str(install.folder), *install.packages]]
