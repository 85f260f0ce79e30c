"""Measuring: medians of alternating runs, and the rows that a benchmark gives."""

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
    """One promise, measured.

    measured, baseline: in `unit`; baseline is None where the bound is absolute
    bound: the largest ratio (with a baseline) or the largest value (without) that keeps the promise
    """

    name: str
    what: str
    measured: float
    baseline: float | None
    bound: float
    unit: str = "s"

    @property
    def figure(self) -> float:
        """Give what is held against the bound: the ratio, or the value itself."""
        return self.measured if self.baseline is None else self.measured / self.baseline

    @property
    def kept(self) -> bool:
        """Say whether the promise is kept."""
        return self.figure <= self.bound


@dataclass(frozen=True, slots=True)
class Group:
    """Benchmarks that share what has to be set up for them.

    names: of the rows it can give
    run: measures, in so many alternating runs, the rows that are wanted
    """

    names: tuple[str, ...]
    run: Callable[[int, Collection[str]], Iterator[Row]]


def environment(**more: str) -> dict[str, str]:
    """Give an environment in which bytecode is used, and written."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | more


def seconds(work: Callable[[], object]) -> float:
    """Say how long something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def alternate(pairs: int, *works: Callable[[], float]) -> list[float]:
    """Run several measurements in turn, so that a noisy minute hits all of them; give the median of each."""
    found: list[list[float]] = [[] for _ in works]
    for _ in range(pairs):
        for work, results in zip(works, found, strict=True):
            results.append(work())
    return [statistics.median(results) for results in found]


def command(argv: Sequence[str], cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> Callable[[], float]:
    """Measure a command from its start to its end. A failed command raises RuntimeError with its error output."""

    def run() -> float:
        began = time.perf_counter()
        known = dict(env or environment())
        quiet = subprocess.DEVNULL
        done = subprocess.run(
            list(argv), cwd=cwd, env=known, check=False, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE, text=True
        )
        took = time.perf_counter() - began
        if done.returncode:
            raise RuntimeError(f"exit code {done.returncode}: {' '.join(argv)}\n{done.stderr}")
        return took

    return run
