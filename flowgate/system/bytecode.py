"""Bytecode: written once, or every LiteLLM start compiles 7,200 modules again, and every `inv` FlowGate's own.

Source: invoke 3.0.3, `Program.parse_core` sets `sys.dont_write_bytecode`: what `inv` imports is never cached by itself
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from flowgate.system import locations

STAMP = ".flowgate-compiled"


def site_packages() -> Path:
    """Say where the environment's packages lie."""
    return Path(sysconfig.get_paths()["purelib"])


def own_sources() -> list[Path]:
    """List FlowGate's own sources where they are not part of the environment: in a checkout."""
    root = locations.checkout()
    return [root / "tasks.py", *sorted((root / "flowgate").rglob("*.py"))] if root else []


def fingerprints() -> dict[str, str]:
    """Name what has to be compiled: "environment" (the Python, every installed distribution) and "own" (our sources).

    Apart, because a changed source of our own must not walk the whole environment again.
    """
    own = [f"{path} {path.stat().st_mtime_ns}" for path in own_sources()]
    return {"environment": environment(), "own": _digest(own)}


def environment() -> str:
    """Name the environment on disk: the Python, and every installed distribution with its version."""
    return _digest([sys.version, *sorted(path.name for path in site_packages().glob("*.dist-info"))])


def _digest(lines: list[str]) -> str:
    import hashlib

    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _stale() -> list[str]:
    """Name the parts that have not been compiled. The stamp lies inside the environment, and goes when it goes."""
    try:
        known = json.loads((site_packages() / STAMP).read_text())
    except (OSError, ValueError):
        known = {}
    known = known if isinstance(known, dict) else {}
    return [part for part, digest in fingerprints().items() if known.get(part) != digest]


def is_compiled() -> bool:
    """Say whether the environment and our own sources have been compiled, just as they are."""
    return not _stale()


def compile_environment() -> bool:
    """Compile what is not compiled yet, on all processors; a file that does not compile is left out.

    Returns:
        Whether that is recorded; false in an environment that cannot be written, which only makes starts
        slower.
    """
    parts = {"environment": [str(site_packages())], "own": [str(path) for path in own_sources()]}
    sources = [path for part in _stale() for path in parts[part]]
    argv = [sys.executable, "-m", "compileall", "-q", "-q", "-j", "0", *sources]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if sources:
        subprocess.run(argv, env=env, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    try:
        (site_packages() / STAMP).write_text(json.dumps(fingerprints()))
    except OSError:
        return False
    return True
