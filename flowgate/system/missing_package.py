"""The command that installs a package which this environment lacks. FlowGate itself is in no package index."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from flowgate.system import installed, locations

DISTRIBUTION = "flowgate-llm"
DEFAULT_EXTRA = "runtime"  # in a checkout, uv installs it without being told to


def install_command(extra: str, package: str) -> str:
    """Return the command that installs a package into the environment of this FlowGate.

    In a checkout that is uv with the lock file. Elsewhere it names the package as FlowGate's metadata requires it.

    Args:
        extra: The extra of FlowGate that requires it.
        package: The package.
    """
    root = locations.checkout()
    if root is not None:
        place = [] if Path.cwd().is_relative_to(root) else ["--project", str(root)]
        # --inexact keeps what other extras and groups have installed
        more = [] if extra == DEFAULT_EXTRA else ["--inexact", "--extra", extra]
        return shlex.join(["uv", "sync", *place, "--locked", *more])
    wanted = next(_requirements(extra, package), package)
    if importlib.util.find_spec("pip") is not None:
        return shlex.join([sys.executable, "-m", "pip", "install", wanted])
    return shlex.join(["uv", "pip", "install", "--python", sys.executable, wanted])


def _requirements(extra: str, package: str) -> Iterator[str]:
    """Yield the requirements of a package in FlowGate's metadata, without the condition that names the extra."""
    from packaging.requirements import InvalidRequirement, Requirement

    for text in installed.requirements(DISTRIBUTION):
        try:
            one = Requirement(text)
        except InvalidRequirement:
            continue
        if one.name == package and one.marker is not None and one.marker.evaluate({"extra": extra}):
            one.marker = None
            yield str(one)


def uninstall_command() -> str:
    """Return the command that removes FlowGate itself from its environment; empty in a checkout."""
    if locations.checkout() is not None:
        return ""
    if "uv" in Path(sys.prefix).parts and Path(sys.prefix).name == DISTRIBUTION:
        return f"uv tool uninstall {DISTRIBUTION}"
    if importlib.util.find_spec("pip") is not None:
        return shlex.join([sys.executable, "-m", "pip", "uninstall", DISTRIBUTION])
    return shlex.join(["uv", "pip", "uninstall", "--python", sys.executable, DISTRIBUTION])
