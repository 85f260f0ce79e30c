"""Reading and checking stays quick, and grows with the playbook, not with its square."""

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
    """Write a playbook in which no two expressions are equal, so that none is parsed only once."""
    head = "- vars: { known: 1, name: x }\n  tasks:\n"
    return head + "".join(BLOCK.format(number=number) for number in range(tasks))


def seconds(tasks: int) -> float:
    """Measure the processor's time for reading and checking a playbook, the best of five: others may be at work here.

    What the tests before it left behind is frozen first: a command begins with a small heap to look for garbage in.
    """
    text, best = playbook(tasks), float("inf")
    gc.collect()
    gc.freeze()
    for turn in range(5):
        fresh = text.replace("known", f"known{turn}x{tasks}")  # nothing that an earlier turn has parsed
        began = time.process_time()
        check(parse(fresh, "f.yml"), Catalog({}), ())
        best = min(best, time.process_time() - began)
    gc.unfreeze()
    return best


def grows(few: int, many: int) -> float:
    """Give how much longer many tasks take than few, one task for one task; 1 is a straight line."""
    seconds(100)  # what is imported once
    return (seconds(many) / many) / (seconds(few) / few)


def test_five_times_the_tasks_take_five_times_as_long() -> None:
    assert grows(300, 1500) < 2.5  # a square would give 5


@pytest.mark.long
def test_ten_thousand_tasks_take_ten_times_as_long_as_a_thousand() -> None:
    assert grows(1000, 10_000) < 2.5  # a square would give 10
