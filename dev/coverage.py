"""Line coverage of every process that a test starts, and the floor that it must reach."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LINE_FLOOR = 95.0  # percent of the lines of flowgate/; branches are shown only
REPORT = "reports/coverage.json"
REAL_COMMANDS = "FLOWGATE_TEST_REAL_INV"  # no command of a test is a fork of a process that has imported all modules
# Python runs this line in each process of the environment. FlowGate gives its processes a short environment, so the
# variables that coverage reads are set for its start only.
START = (
    "import os, coverage; v = {values!r}; os.environ.update(v); coverage.process_startup(); "
    "[os.environ.pop(name) for name in v]\n"
)


def start_file() -> Path:
    """Return the `.pth` file that starts the measurement in every process of this environment."""
    return Path(sysconfig.get_paths()["purelib"]) / "flowgate_coverage.pth"


@contextmanager
def every_process_measured(root: Path) -> Iterator[None]:
    """Measure each Python process of this environment while the block runs.

    Args:
        root: The checkout.
    """
    values = {"COVERAGE_PROCESS_START": str(root / "pyproject.toml"), "COVERAGE_FILE": str(root / ".coverage")}
    start_file().write_text(START.format(values=values))
    before = os.environ.get(REAL_COMMANDS, "0")
    os.environ[REAL_COMMANDS] = "1"
    try:
        yield
    finally:
        os.environ[REAL_COMMANDS] = before
        start_file().unlink()


def percentages(report: Path) -> tuple[float, float]:
    """Read a coverage report.

    Args:
        report: The JSON report of coverage.

    Returns:
        The percentages of lines and of branches that ran.
    """
    totals = json.loads(report.read_text())["totals"]
    return totals["percent_statements_covered"], totals["percent_branches_covered"]
