"""Paths of FlowGate's own files, in a checkout or in the installed package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """Return the checkout's root; None if FlowGate is an installed package."""
    root = PACKAGE.parent
    return root if (root / "tasks.py").is_file() and (root / "pyproject.toml").is_file() else None


def playbooks() -> Path:
    """Return the folder of the shipped playbooks."""
    return (checkout() or PACKAGE) / "playbooks"


def examples() -> Path:
    """Return the folder of the example configs."""
    root = checkout()
    return root / "config" / "examples" if root else PACKAGE / "examples"


def state_folder() -> Path:
    """Return the folder in which the embedded default config creates `.router/`."""
    root = checkout()
    if root:
        return root
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "flowgate"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "flowgate"


def python() -> Path:
    """Return the Python interpreter that runs FlowGate."""
    return Path(sys.executable)
