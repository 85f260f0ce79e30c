"""The development tasks: tests, lint, types, pages, benchmarks, builds. They need a checkout."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from dev import coverage
from flowgate.cli import console
from flowgate.errors import UsageError
from flowgate.system import locations, processes

LINT = ("ruff", "check", "."), ("ruff", "format", "--check", "."), ("lint-imports", "--no-cache")
SCRIPTS = ("lint-imports",)  # tools that cannot run as a module
SHORT = "not long and not clients"  # marker expression of a plain `inv test`
MAX_WORKERS = 4  # more would slow each other down
LITTER = (
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    ".import_linter_cache",
    "dist",
    "build",
    "htmlcov",
    "reports",
    "site",
    ".coverage",
)


def root() -> Path:
    """Return the checkout.

    Returns:
        Its path.

    Raises:
        UsageError: FlowGate does not run from a checkout.
    """
    found = locations.checkout()
    if found is None:
        raise UsageError("this task works on a checkout of FlowGate", fix="clone it and run the task there")
    return found


def run_tool(argv: Sequence[str], *groups: str) -> int:
    """Run a Python tool in the checkout, with its output as it comes.

    Args:
        argv: Name of the tool, then its arguments.
        *groups: Dependency groups that it needs; uv installs what is missing.

    Returns:
        The tool's exit code.
    """
    console.note("$ " + shlex.join(argv))
    python = locations.python()
    command = [str(python.with_name(argv[0])), *argv[1:]] if argv[0] in SCRIPTS else [str(python), "-m", *argv]
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is not None:  # else the environment was made without uv, and what is installed has to do
        command = [uv, "run", "--locked", *(f"--group={group}" for group in groups), *command]
    return processes.run_visible(command, cwd=root())


def test(long: bool, cov: bool, junit: str, args: str, litellm: str = "") -> int:
    """Run pytest.

    Args:
        long: Run the full numbers, not a small sample of everything.
        cov: Measure coverage; below the floor the task fails, unless `args` chooses tests.
        junit: File for a JUnit report; empty for none.
        args: Further arguments of pytest.
        litellm: Run the live tests over this release of LiteLLM, in a copy of the checkout; empty for the locked one.

    Returns:
        The exit code.

    Raises:
        UsageError: `litellm` is no version, or is combined with `cov`.
    """
    if litellm:
        return _test_over(litellm, long=long, cov=cov, junit=junit, args=args)
    coverage.start_file().unlink(missing_ok=True)  # left by a killed run, it would slow every command
    workers = min(1 + processes.processors(), MAX_WORKERS)  # one more than processors: half of the time is waiting
    argv = ["pytest", f"--numprocesses={workers}", "--dist=loadfile"]
    argv += [] if long else ["-m", SHORT]
    argv += ["--cov=flowgate", "--cov-report=term:skip-covered", f"--cov-report=json:{coverage.REPORT}"] if cov else []
    argv += [f"--junitxml={junit}"] if junit else []
    if cov:
        run_tool(["compileall", "-q", "dev"], "test")  # installs the group before the measurement starts
    with coverage.every_process_measured(root()) if cov else nullcontext():
        code = run_tool([*argv, *shlex.split(args)], "test")
    return _check_coverage(code, whole=not args) if cov else code


def _test_over(version: str, *, long: bool, cov: bool, junit: str, args: str) -> int:
    from dev import other_litellm

    if cov:
        raise UsageError("--cov measures the locked LiteLLM only", fix="leave out --cov or --litellm")
    options = [] if long else ["-m", SHORT]
    options += [f"--junitxml={(root() / junit).absolute()}"] if junit else []
    return other_litellm.run(root(), version, options, shlex.split(args))


def _check_coverage(code: int, *, whole: bool) -> int:
    report = root() / coverage.REPORT
    if not report.is_file():
        return code or 1
    lines, branches = coverage.percentages(report)
    console.note(f"lines {lines:.1f} % (floor {coverage.LINE_FLOOR:.0f} %), branches {branches:.1f} %")
    return code or (1 if whole and lines < coverage.LINE_FLOOR else 0)


def lint() -> int:
    """Check style, format and imports."""
    return max(run_tool(argv, "lint") for argv in LINT)


def format_code() -> int:
    """Fix style and format."""
    return max(run_tool(["ruff", "check", "--fix", "."], "lint"), run_tool(["ruff", "format", "."], "lint"))


def typecheck() -> int:
    """Check types."""
    return run_tool(["mypy"], "lint", "test")


def docs(check: bool, site: bool) -> int:
    """Write the generated pages, or build the site.

    Args:
        check: Only report stale pages.
        site: Build the site from the pages.

    Returns:
        The exit code.
    """
    if site:
        from dev import site as documentation_site

        return documentation_site.build()
    from dev import reference_pages

    return reference_pages.write_all(check)


def ci() -> int:
    """Run what CI runs, in its order, up to the first failure."""
    return lint() or typecheck() or docs(check=True, site=False) or test(long=False, cov=False, junit="", args="")


def bench(only: str, pairs: int, json: str) -> int:
    """Run the benchmarks.

    Args:
        only: Name of a group or of one benchmark; empty for all.
        pairs: Alternating runs of each side.
        json: File for the figures; empty for none.

    Returns:
        The exit code; 1 when a figure misses its bound.
    """
    argv = ["tests.bench", "--pairs", str(pairs)]
    argv += ["--only", only] if only else []
    argv += ["--json", json] if json else []
    return run_tool(argv, "test")


def build() -> int:
    """Build the wheel and the source archive."""
    return processes.run_visible([os.environ.get("UV") or "uv", "build"], cwd=root())


def clean() -> int:
    """Delete what tools left behind."""
    coverage.start_file().unlink(missing_ok=True)
    for path in (*(root() / name for name in LITTER), *root().glob(".coverage.*")):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()
        else:
            continue
        console.note(f"~ deleted {path.name}")
    return 0
