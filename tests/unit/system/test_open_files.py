"""The limit of open files, raised in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

RAISE = """
import resource
from flowgate.system import open_files
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
{more}
print(open_files.raise_limit(), open_files.limit(), open_files.hard_limit())
"""
REFUSE = """
real = resource.setrlimit
def refuse(which, limits):
    if limits[0] > 300:
        raise ValueError("not permitted")
    real(which, limits)
resource.setrlimit = refuse
open_files.UNLIMITED_TRIES = (10_000, 280, 270)
"""


def numbers(soft: int, hard: int, more: str = "") -> list[int]:
    code = RAISE.format(soft=soft, hard=hard, more=more)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return [int(word) for word in done.stdout.split()]


@pytest.mark.parametrize(("soft", "hard"), [(256, 256), (256, 1024), (100, 2000)])
def test_the_soft_limit_becomes_the_hard_one(soft: int, hard: int) -> None:
    assert numbers(soft, hard) == [hard, hard, hard]


def test_where_the_kernel_allows_less_the_next_smaller_number_is_tried() -> None:
    assert numbers(256, 5000, REFUSE) == [280, 280, 5000]
