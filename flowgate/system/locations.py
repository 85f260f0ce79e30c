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
    named = Path(os.environ.get("XDG_STATE_HOME") or "")  # a relative path must be ignored, says the specification
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "flowgate"


def config_folder() -> Path | None:
    """Return the folder of the user's config on this platform; None in a checkout, which has its own."""
    if checkout():
        return None
    from platformdirs import user_config_path  # 10 ms that a command in a checkout does not pay

    found = user_config_path("flowgate", appauthor=False)
    return found if found.is_absolute() else Path.home() / ".config" / "flowgate"


def below_home(path: Path) -> str:
    """Return a path with `~` in place of the home folder, as a config may name it.

    Args:
        path: An absolute path.
    """
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def python() -> Path:
    """Return the Python interpreter that runs FlowGate."""
    return Path(sys.executable)
