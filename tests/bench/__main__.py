"""Run the benchmarks: print a table, write JSON, exit with 1 if a bound is exceeded."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from flowgate.system import bytecode
from tests.bench import (
    ansible_tasks,
    commands,
    fleet,
    gateway,
    growth,
    handover,
    keeping,
    layer,
    ledger,
    playbook,
    unit,
    upstream,
    workers,
    wrong_keys,
)
from tests.bench.measure import Group, Row

GROUPS: dict[str, Group] = {
    "commands": commands.IDLE,
    "status": commands.UP,
    "keeping": keeping.KEEPING,
    "gateway": gateway.GATEWAY,
    "unit": unit.UNIT,
    "layer": layer.LAYER,
    "ledger": ledger.LEDGER,
    "wrong-keys": wrong_keys.WRONG_KEYS,
    "handover": handover.HANDOVER,
    "workers": workers.WORKERS,
    "fleet": fleet.FLEET,
    "growth": growth.GROWTH,
    "upstream": upstream.UPSTREAM,
    "playbook": playbook.PLAYBOOK,
    "ansible": ansible_tasks.ANSIBLE,
}
NAMES = tuple(name for group in GROUPS.values() for name in group.names)


def main() -> int:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--only", choices=(*GROUPS, *NAMES), help="a group, or one benchmark", metavar="NAME")
    parser.add_argument("--pairs", type=_count, default=7, help="alternating runs of each side")
    parser.add_argument("--json", type=Path, help="file for the rows as JSON")
    given = parser.parse_args()
    rows: list[Row] = []
    print(f"  {'what':62} {'measured':>12} {'baseline':>12} {'figure':>9} {'bound':>7}")
    for row in _measure(given.only, given.pairs):
        rows.append(row)
        print(_line(row), flush=True)
    if given.json:
        tree = [{**asdict(row), "figure": row.figure, "within_bound": row.within_bound} for row in rows]
        given.json.write_text(json.dumps(tree, indent=2) + "\n")
    return 0 if all(row.within_bound for row in rows) else 1


def _measure(only: str | None, pairs: int) -> Iterator[Row]:
    # `inv` writes no bytecode: sources that are not compiled now would be compiled in every run.
    bytecode.is_compiled() or bytecode.compile_environment()
    for name, group in GROUPS.items():
        wanted = group.names if only in (None, name) else tuple(one for one in group.names if one == only)
        if wanted:
            yield from group.run(pairs, wanted)


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return count


def _line(row: Row) -> str:
    baseline = f"{row.baseline:.3f} {row.unit}" if row.baseline is not None else "-"
    figure = f"{row.figure:.2f}" + ("" if row.baseline is None else "x")
    mark, verdict = ("=", "ok") if row.within_bound else ("!", "exceeded")
    measured = f"{row.measured:9.3f} {row.unit:<2}"
    return f"{mark} {row.what:62} {measured} {baseline:>12} {figure:>9} {row.bound:7.2f}  {verdict}"


if __name__ == "__main__":
    sys.exit(main())
