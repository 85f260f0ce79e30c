"""Bytecode: written once, or every LiteLLM start compiles 7,200 modules again, and every `inv` FlowGate's own.

Source: invoke 3.0.3, `Program.parse_core` sets `sys.dont_write_bytecode`: what `inv` imports is never cached by itself
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from flowgate.world import home

STAMP = ".flowgate-compiled"


def site_packages() -> Path:
    """Say where the environment's packages lie."""
    return Path(sysconfig.get_paths()["purelib"])


def own_sources() -> list[Path]:
    """List FlowGate's own sources where they are not part of the environment: in a checkout."""
    root = home.checkout()
    return [root / "tasks.py", *sorted((root / "flowgate").rglob("*.py"))] if root else []


def fingerprint() -> str:
    """Name what has to be compiled: the Python, every installed distribution, every source of our own with its date."""
    import hashlib

    names = sorted(path.name for path in site_packages().glob("*.dist-info"))
    names += [f"{path} {path.stat().st_mtime_ns}" for path in own_sources()]
    return hashlib.sha256("\n".join([sys.version, *names]).encode()).hexdigest()[:16]


def is_compiled() -> bool:
    """Say whether just this has been compiled. The stamp lies inside the environment, and goes when it goes."""
    try:
        return (site_packages() / STAMP).read_text() == fingerprint()
    except OSError:
        return False


def compile_environment() -> bool:
    """Compile every package of the environment, on all processors; a file that does not compile is left out.

    Gives: whether that is recorded; false in an environment that cannot be written, which only makes starts slower
    """
    folders = [str(site_packages()), *map(str, own_sources())]
    argv = [sys.executable, "-m", "compileall", "-q", "-q", "-j", "0", *folders]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(argv, env=env, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    try:
        (site_packages() / STAMP).write_text(fingerprint())
    except OSError:
        return False
    return True
