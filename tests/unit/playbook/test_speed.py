"""The time to parse and check grows linearly with the playbook."""

from __future__ import annotations

import gc
import time

import pytest

from flowgate.playbook.catalog import Catalog
from flowgate.playbook.check import check
from flowgate.playbook.parse import parse

BLOCK = """\
    - name: Task {number} of {{{{ name }}}}
      debug: {{ msg: "value {number} of {{{{ known + {number} }}}}" }}
      when: known > {number} or name is defined
      register: r{number}
      tags: [t{number}]
"""


def playbook(tasks: int) -> str:
    """Write a playbook without equal expressions, so that the cache of expressions is never used."""
    head = "- vars: { known: 1, name: x }\n  tasks:\n"
    return head + "".join(BLOCK.format(number=number) for number in range(tasks))


def seconds(tasks: int) -> float:
    """Measure the CPU time to parse and check a playbook; the best of five, because other processes may run.

    The objects of earlier tests are frozen first, because a command starts with a small heap for the garbage collector.
    """
    text, best = playbook(tasks), float("inf")
    gc.collect()
    gc.freeze()
    for turn in range(5):
        fresh = text.replace("known", f"known{turn}x{tasks}")  # not in the cache of expressions
        began = time.process_time()
        check(parse(fresh, "f.yml"), Catalog({}), ())
        best = min(best, time.process_time() - began)
    gc.unfreeze()
    return best


def grows(few: int, many: int) -> float:
    """Return the time for one of many tasks, divided by that for one of few tasks; 1 is linear growth."""
    seconds(100)  # imports
    return (seconds(many) / many) / (seconds(few) / few)


def test_five_times_the_tasks_take_five_times_as_long() -> None:
    assert grows(300, 1500) < 2.5  # quadratic growth would give 5


@pytest.mark.long
def test_ten_thousand_tasks_take_ten_times_as_long_as_a_thousand() -> None:
    assert grows(1000, 10_000) < 2.5  # quadratic growth would give 10
