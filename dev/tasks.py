"""The developer's own workflow: tests, lint, types, pages, benchmarks, builds. Works in a checkout."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

from flowgate.cli import console
from flowgate.errors import UsageError
from flowgate.system import locations, processes

RUFF = ("ruff", "check", "."), ("ruff", "format", "--check", ".")
MOST_WORKERS = 4  # more would take each other's time
LITTER = (
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "dist",
    "build",
    "htmlcov",
    "reports",
    ".coverage",
)


def root() -> Path:
    """Give the checkout.

    Raises:
        UsageError: Outside one.
    """
    found = locations.checkout()
    if found is None:
        raise UsageError("this task works on a checkout of FlowGate", fix="clone it and run the task there")
    return found


def _tool(argv: Sequence[str]) -> int:
    """Run a tool of the environment in the checkout, its output as it comes; give its exit code."""
    console.note("$ " + shlex.join(argv))
    return processes.run_visible([str(locations.python()), "-m", *argv], cwd=root())


def test(long: bool, cov: bool, junit: str, args: str) -> int:
    """Run pytest: a small sample of everything, or with `long` the full numbers; with `cov` measure what is run."""
    workers = min(1 + processes.processors(), MOST_WORKERS)  # one more than processors: half of the time is waiting
    argv = ["pytest", f"--numprocesses={workers}", "--dist=loadfile"]
    argv += [] if long else ["-m", "not long"]
    argv += ["--cov=flowgate", "--cov-report=term:skip-covered"] if cov else []
    argv += [f"--junitxml={junit}"] if junit else []
    return _tool([*argv, *shlex.split(args)])


def lint() -> int:
    """Check style and format."""
    return max(_tool(argv) for argv in RUFF)


def format_code() -> int:
    """Mend style and format."""
    return max(_tool(["ruff", "check", "--fix", "."]), _tool(["ruff", "format", "."]))


def typecheck() -> int:
    """Check types."""
    return _tool(["mypy"])


def ci() -> int:
    """Do what CI does, in its order; stop at the first thing that says no."""
    from dev import reference_pages

    return (
        lint() or typecheck() or reference_pages.write_all(check=True) or test(long=False, cov=False, junit="", args="")
    )


def bench(only: str, pairs: int, json: str) -> int:
    """Run the benchmarks."""
    argv = [str(locations.python()), "-m", "tests.bench", "--pairs", str(pairs)]
    argv += ["--only", only] if only else []
    argv += ["--json", json] if json else []
    return processes.run_visible(argv, cwd=root())


def build() -> int:
    """Build the wheel and the source archive."""
    return processes.run_visible(["uv", "build"], cwd=root())


def clean() -> int:
    """Delete what tools left behind."""
    for name in LITTER:
        path = root() / name
        if path.is_dir():
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
        else:
            continue
        console.note(f"~ deleted {name}")
    return 0
