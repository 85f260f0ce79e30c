"""Where the processor time of a request and of a stream piece goes: `python -m tests.bench.hot_path [--py-spy PATH]`.

Bare `litellm` and a worker of FlowGate, with the same settings, answer the same requests of a compiled provider while
py-spy (`uvx --from py-spy py-spy` if none is installed) samples them. Prints the tables of the documentation.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.bench.hot_path_parts import read, shares
from tests.bench.worker_gateway import PIECES, Gateway, bare, flowgate, missing_tools, provider

CLIENTS = 8
COUNTED_SECONDS, SAMPLED_SECONDS, SETTLE_SECONDS = 6.0, 12.0, 0.7
COUNTED_ROUNDS = 3
RATE = 200  # samples a second
TOP = 10
OWN = "FlowGate"  # parts that are shown however little they cost


@dataclass(frozen=True, slots=True)
class Profile:
    """What one side spends.

    Attributes:
        milliseconds: Processor time of a request, or of a piece of a stream.
        shares: Part to its share in it.
    """

    milliseconds: float
    shares: dict[str, float]


@dataclass(frozen=True, slots=True)
class Count:
    """What the kernel counted for one side.

    Attributes:
        milliseconds: Processor time of a request, or of a piece of a stream.
        main: The share of the main thread in it.
    """

    milliseconds: float
    main: float


@dataclass(frozen=True, slots=True)
class Sampler:
    """How the samples are taken.

    Attributes:
        argv: Beginning of py-spy's command line.
        folder: Where the samples are kept; None for the folder of their side.
    """

    argv: tuple[str, ...]
    folder: Path | None


def main() -> None:
    """Measure both sides, and print a table for requests and one for pieces of streams."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.hot_path", description=__doc__)
    parser.add_argument("--py-spy", default=shutil.which("py-spy") or "uvx --from py-spy py-spy", metavar="PROGRAM")
    parser.add_argument("--keep", type=Path, help="folder for the samples", metavar="FOLDER")
    given = parser.parse_args()
    sampler = Sampler(tuple(given.py_spy.split()), given.keep)
    if missing := missing_tools():
        parser.error(f"{' and '.join(missing)} cannot be found")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        port = stack.enter_context(provider(folder))
        own = stack.enter_context(flowgate(folder / "own", port, 1))
        plain = stack.enter_context(bare(folder / "plain", own, 1))
        for side in (plain, own):
            side.wrk(3, CLIENTS)
            side.wrk(2, CLIENTS, stream=True)
        for stream in (False, True):
            counted = _count((plain, own), stream=stream)
            sampled = [_sample(side, sampler, stream=stream) for side in (plain, own)]
            sides = [
                Profile(one.milliseconds, shares(read(raw), one.main))
                for one, raw in zip(counted, sampled, strict=True)
            ]
            print(_table(*sides, stream=stream), flush=True)


def _count(sides: Sequence[Gateway], *, stream: bool) -> list[Count]:
    """Count the processor time of the sides, asked at the same time; return the median of each."""
    with ThreadPoolExecutor(len(sides)) as pool:
        rounds = [list(pool.map(partial(_count_once, stream=stream), sides)) for _ in range(COUNTED_ROUNDS)]
    return [sorted(found, key=lambda one: one.milliseconds)[len(found) // 2] for found in zip(*rounds, strict=True)]


def _count_once(side: Gateway, *, stream: bool) -> Count:
    pid = side.pids()[0]
    before = _threads(pid)
    count = side.wrk(COUNTED_SECONDS, CLIENTS, stream=stream).count * (PIECES if stream else 1)
    used = {name: seconds - before.get(name, 0.0) for name, seconds in _threads(pid).items()}
    if not count:
        raise RuntimeError(f"no answer was complete within {COUNTED_SECONDS:.0f} s: the machine is too busy")
    total = sum(used.values())
    return Count(1000.0 * total / count, used[str(pid)] / total)


def _sample(side: Gateway, sampler: Sampler, *, stream: bool) -> Path:
    """Let py-spy sample one side while it answers; return its file."""
    raw = (sampler.folder or side.folder) / f"{side.folder.name}-{'stream' if stream else 'request'}.raw"
    argv = [*sampler.argv, "record", "--nonblocking", "--full-filenames", "--format", "raw", "--rate", str(RATE)]
    argv += ["--duration", f"{SAMPLED_SECONDS + 2:.0f}", "--output", str(raw), "--pid", str(side.pids()[0])]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sampling:
        time.sleep(SETTLE_SECONDS)
        side.wrk(SAMPLED_SECONDS, CLIENTS, stream=stream)
        said = sampling.communicate()[1]
    if sampling.returncode:
        raise RuntimeError(f"py-spy: {said.strip()}")
    return raw


def _threads(pid: int) -> dict[str, float]:
    """Return the seconds of processor time of each thread of a process."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):  # it has ended
            found[task.name] = int((task / "schedstat").read_text().split()[0]) / 1e9
    return found


def _table(plain: Profile, own: Profile, *, stream: bool) -> str:
    """Return a table in Markdown: the parts that cost most, in microseconds, FlowGate's own, and the rest."""
    what = "piece of a stream" if stream else "request"
    names = sorted({*plain.shares, *own.shares}, key=lambda one: -max(_cost(plain, one), _cost(own, one)))
    rows = [(one, _cost(plain, one), _cost(own, one)) for one in names]
    shown, others = rows[:TOP], rows[TOP:]
    shown += [row for row in others if row[0].startswith(OWN)]
    others = [row for row in others if not row[0].startswith(OWN)]
    rest = [("all other parts", sum(row[1] for row in others), sum(row[2] for row in others))]
    whole = [("**whole**", 1000 * plain.milliseconds, 1000 * own.milliseconds)]
    lines = [f"| part of a {what}, µs of processor time | bare `litellm` | FlowGate's worker |", "|---|---|---|"]
    lines += [f"| {name} | {before:.0f} | {after:.0f} |" for name, before, after in [*shown, *rest, *whole]]
    return "\n".join(lines) + "\n"


def _cost(profile: Profile, part: str) -> float:
    return 1000 * profile.milliseconds * profile.shares.get(part, 0.0)


if __name__ == "__main__":
    main()
