"""Where FlowGate's own files lie: in a checkout, or inside the installed package."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """Give the checkout's root; None when FlowGate is an installed package."""
    root = PACKAGE.parent
    return root if (root / "tasks.py").is_file() and (root / "pyproject.toml").is_file() else None


def playbooks() -> Path:
    """Say where the shipped playbooks lie."""
    return (checkout() or PACKAGE) / "playbooks"


def examples() -> Path:
    """Say where the example configs lie."""
    root = checkout()
    return root / "config" / "examples" if root else PACKAGE / "examples"


def state_folder() -> Path:
    """Say where the embedded default keeps its `.router/`: the checkout, else the user's state folder."""
    root = checkout()
    if root:
        return root
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "flowgate"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "flowgate"


def python() -> Path:
    """Give the interpreter of the environment that FlowGate runs in."""
    return Path(sys.executable)
