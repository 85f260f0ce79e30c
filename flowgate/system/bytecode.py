"""Bytecode: compile the environment once, so that no start of LiteLLM compiles its 7,200 modules again.

Source: invoke 3.0.3, `Program.parse_core` sets `sys.dont_write_bytecode`: Python caches nothing that `inv` imports
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from flowgate.errors import DiskError
from flowgate.system import bound_command, locations
from flowgate.system.atomic_write import write_atomic
from flowgate.system.parallel import run_parallel
from flowgate.system.regular_files import read_bytes_bounded

STAMP = ".flowgate-compiled"
STAMP_MODE = 0o644  # other users of the environment read it too
COMPILE = ("-m", "compileall", "-q", "-q", "-j", "0")  # quiet also about files that do not compile
COMPILE_FOLDERS = ("-m", "compileall", "-q", "-q", "-l")  # the folders themselves, not those below them
COMPILE_SECONDS = 900.0


class State(NamedTuple):
    """What is compiled.

    Attributes:
        is_pending: Something is not compiled yet, and can be.
        slow_at: The folder of the packages if they have no bytecode and cannot get any; LiteLLM starts slower then.
    """

    is_pending: bool
    slow_at: Path | None = None


def site_packages() -> Path:
    """Return the folder of the installed packages."""
    return Path(sysconfig.get_paths()["purelib"])


def own_sources() -> list[Path]:
    """List FlowGate's sources in a checkout; empty when FlowGate is an installed package."""
    root = locations.checkout()
    return [root / "tasks.py", *sorted((root / "flowgate").rglob("*.py"))] if root else []


def fingerprints() -> dict[str, str]:
    """Return a digest of each part that is compiled: "environment" and "own" (FlowGate's sources in a checkout).

    They are separate, so that a changed source does not compile the whole environment again.
    """
    own = [f"{path} {path.stat().st_mtime_ns}" for path in own_sources()]
    return {"environment": environment(), "own": _digest(own)}


def environment(site: Path | None = None) -> str:
    """Return a digest of the Python version and of every installed distribution with its version.

    Args:
        site: The folder of an environment's packages; None for FlowGate's own environment.
    """
    return _digest([sys.version, *sorted(path.name for path in (site or site_packages()).glob("*.dist-info"))])


def _digest(lines: list[str]) -> str:
    import hashlib

    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _stale() -> list[str]:
    """Name the parts that are not compiled yet. The stamp file is deleted together with the environment."""
    try:
        known = json.loads(read_bytes_bounded(site_packages() / STAMP))
    except (OSError, ValueError):
        known = {}
    known = known if isinstance(known, dict) else {}
    return [part for part, digest in fingerprints().items() if known.get(part) != digest]


def is_compiled() -> bool:
    """Return whether the environment and FlowGate's sources, in their current state, have been compiled."""
    return not _stale()


def state() -> State:
    """Return whether something is to be compiled, and where nothing can be.

    An image may have been compiled when it was made, which nothing there records.
    """
    stale, site = _stale(), site_packages()
    compiled = site / "litellm" / "__pycache__" / f"__init__.{sys.implementation.cache_tag}.pyc"
    slow = "environment" in stale and not _is_writable("environment") and not compiled.is_file()
    return State(any(_is_writable(part) for part in stale), site if slow else None)


def _is_writable(part: str) -> bool:
    folders = {site_packages()}  # the stamp file is there
    if part == "own":
        folders |= {path.parent for path in own_sources()}
    return all(os.access(folder, os.W_OK) for folder in folders)


def compile_environment() -> bool:
    """Compile what is not compiled yet and can be, on all processors; skip files that do not compile.

    Returns:
        Whether the result could be recorded.
    """
    parts = {"environment": [str(site_packages())], "own": [str(path) for path in own_sources()]}
    fresh = fingerprints()
    stale = _stale()
    written = [part for part in stale if _is_writable(part)]
    sources = [path for part in written for path in parts[part]]
    argv = [sys.executable, *COMPILE, *sources]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if sources:
        _run_whole(argv, env)
    try:
        compiled = {part: digest for part, digest in fresh.items() if part in written or part not in stale}
        write_atomic(site_packages() / STAMP, json.dumps(compiled), mode=STAMP_MODE)
    except DiskError:
        return False
    return True


def _run_whole(argv: Sequence[str], env: Mapping[str, str]) -> None:
    """Run a command to its end; Ctrl-C ends it with its own processes, which would wait forever without it."""
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(argv, env=env, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True) as run:
        try:
            run.wait()
        except BaseException:
            os.killpg(run.pid, signal.SIGKILL)
            raise


def compile_other(python: Path, site: Path) -> None:
    """Compile the packages of another environment, on all processors; skip files that do not compile.

    Args:
        python: The environment's interpreter.
        site: The folder of its packages.

    Raises:
        EnvironmentFailure: The interpreter does not run, or did not finish.
        DiskError: The result cannot be recorded.
    """
    _share(site_packages(), site)
    env = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8"}

    def compile_some(folders: Sequence[Path]) -> None:
        argv = [str(python), *COMPILE_FOLDERS, *map(str, folders)]
        bound_command.run(argv, cwd=site, env=env, timeout=COMPILE_SECONDS)

    jobs = [partial(compile_some, one) for one in _balanced(site, os.cpu_count() or 1)]
    run_parallel(jobs, len(jobs))
    write_atomic(site / STAMP, json.dumps({"environment": environment(site)}), mode=STAMP_MODE)


def _balanced(site: Path, count: int) -> list[list[Path]]:
    """Divide the folders with sources among some processes, so that each has about as many sources.

    The processes that `compileall -j` starts wait forever once it is killed; those that we start end with us.
    """
    sources = {Path(folder): sum(name.endswith(".py") for name in names) for folder, _, names in os.walk(site)}
    shares, loads = [list[Path]() for _ in range(count)], [0] * count
    for folder, number in sorted(sources.items(), key=lambda one: -one[1]):
        if number:
            least = loads.index(min(loads))
            shares[least].append(folder)
            loads[least] += number
    return [one for one in shares if one]


def _share(ours: Path, other: Path) -> None:
    """Link our bytecode into another environment, for each source that both have as one file on the disk.

    uv links files from its cache, so most packages of two environments are the same files; half of the work is saved.
    """
    tag = f".{sys.implementation.cache_tag}.pyc"
    for folder, _, names in os.walk(other):
        mine = ours / Path(folder).relative_to(other)
        for name in (one for one in names if one.endswith(".py")):
            compiled = f"{name[:-3]}{tag}"
            with suppress(OSError):  # we have no such file, or links are not possible: it is compiled
                if (mine / name).samefile(Path(folder, name)) and (mine / "__pycache__" / compiled).is_file():
                    Path(folder, "__pycache__").mkdir(exist_ok=True)
                    os.link(mine / "__pycache__" / compiled, Path(folder, "__pycache__", compiled))
