"""Measurements: medians of alternating runs, and the rows of a benchmark."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Row:
    """One measured value and its bound.

    Attributes:
        name: The benchmark.
        what: What was measured.
        measured: The value in `unit`.
        baseline: The value to compare with, in `unit`; None if the bound is absolute.
        bound: The largest allowed ratio to the baseline; without a baseline, the largest allowed value.
        unit: The unit of `measured` and `baseline`.
    """

    name: str
    what: str
    measured: float
    baseline: float | None
    bound: float
    unit: str = "s"

    @property
    def figure(self) -> float:
        """The ratio to the baseline, or the value itself."""
        return self.measured if self.baseline is None else self.measured / self.baseline

    @property
    def within_bound(self) -> bool:
        """Whether the bound is not exceeded."""
        return self.figure <= self.bound


@dataclass(frozen=True, slots=True)
class Group:
    """Benchmarks with the same setup.

    Attributes:
        names: Names of its rows.
        run: Measures the rows with some names, in a number of alternating runs.
    """

    names: tuple[str, ...]
    run: Callable[[int, Collection[str]], Iterator[Row]]


def environment(**more: str) -> dict[str, str]:
    """Return an environment in which Python reads and writes bytecode."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def seconds(work: Callable[[], object]) -> float:
    """Return the seconds that a function takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alternate(pairs: int, *works: Callable[[], float]) -> list[float]:
    """Run several measurements alternately, so that noise affects all of them; return the median of each."""
    return [statistics.median(results) for results in alternate_all(pairs, *works)]


def alternate_all(pairs: int, *works: Callable[[], float]) -> list[list[float]]:
    """Run several measurements alternately; return all results of each, in their order."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(pairs):
        for work, results in zip(works, found, strict=True):
            results.append(work())
    return found


def command(argv: Sequence[str], cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Callable[[], float]:
    """Measure a command from its start to its end. A failed command raises RuntimeError with its error output."""

    def run() -> float:
        started = time.perf_counter()
        variables = dict(env or environment())
        null = subprocess.DEVNULL
        done = subprocess.run(
            list(argv), cwd=cwd, env=variables, check=False, stdin=null, stdout=null, stderr=subprocess.PIPE, text=True
        )
        took = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode}: {' '.join(argv)}\n{done.stderr}")
        return took

    return run
