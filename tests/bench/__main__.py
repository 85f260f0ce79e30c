"""Measure what is promised; print one table, write JSON, exit 1 when a promise is broken."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from tests.bench import commands, gateway, keeping
from tests.bench.measure import Row

BENCHES: dict[str, Callable[[int], Iterator[Row]]] = {
    "commands": commands.run,
    "status": commands.run_up,
    "keeping": keeping.run,
    "gateway": gateway.run,
}


def main() -> int:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=sorted(BENCHES), help="one group")
    parser.add_argument("--pairs", type=int, default=7, help="alternating runs of each side")
    parser.add_argument("--json", help="write the rows into this file")
    given = parser.parse_args()
    rows: list[Row] = []
    print(f"{'':2}{'what':62} {'measured':>12} {'baseline':>12} {'figure':>9} {'bound':>7}")
    for name, bench in BENCHES.items():
        if given.only in (None, name):
            for row in bench(given.pairs):
                rows.append(row)
                print(_line(row), flush=True)
    if given.json:
        tree = [{**asdict(row), "figure": row.figure, "kept": row.kept} for row in rows]
        Path(given.json).write_text(json.dumps(tree, indent=2) + "\n")
    return 0 if all(row.kept for row in rows) else 1


def _line(row: Row) -> str:
    baseline = f"{row.baseline:.3f} {row.unit}" if row.baseline is not None else "-"
    figure = f"{row.figure:.2f}" + ("x" if row.baseline else "")
    mark = "=" if row.kept else "!"
    return f"{mark} {row.what:62} {row.measured:9.3f} {row.unit:<2} {baseline:>12} {figure:>9} {row.bound:7.2f}"


if __name__ == "__main__":
    sys.exit(main())
