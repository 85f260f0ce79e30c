"""The environment's bytecode: written once, or every LiteLLM start compiles 7,200 modules again."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def site_packages() -> Path:
    """Say where the environment's packages lie."""
    return Path(sysconfig.get_paths()["purelib"])


def fingerprint() -> str:
    """Name the environment: its Python, and every installed distribution with its version."""
    names = sorted(path.name for path in site_packages().glob("*.dist-info"))
    return hashlib.sha256("\n".join([sys.version, *names]).encode()).hexdigest()[:16]


def is_compiled() -> bool:
    """Say whether this very environment has been compiled. The stamp lies inside it, and goes when it goes."""
    stamp = site_packages() / ".flowgate-compiled"
    try:
        return stamp.read_text() == fingerprint()
    except OSError:
        return False


def compile_environment() -> bool:
    """Compile every package of the environment, on all processors; a package that does not compile is left out.

    Gives: whether the work is recorded; false in an environment that cannot be written, which only makes starts slower
    """
    argv = [sys.executable, "-m", "compileall", "-q", "-q", "-j", "0", str(site_packages())]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(argv, env=env, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    try:
        (site_packages() / ".flowgate-compiled").write_text(fingerprint())
    except OSError:
        return False
    return True
