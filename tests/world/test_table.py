from __future__ import annotations

import os
import sys

import pytest

from flowgate.world import table

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


@linux
def test_both_sources_tell_the_same_of_a_process() -> None:
    kernel, other = table.kernel_row(os.getpid()), table.psutil_row(os.getpid())
    assert kernel is not None
    assert other is not None
    assert (kernel.parent, kernel.session) == (other.parent, other.session) == (os.getppid(), os.getsid(0))
    assert table.kernel_argv(os.getpid()) == table.psutil_argv(os.getpid())
    assert table.kernel_owned_by(os.getpid()) == table.psutil_owned_by(os.getpid()) == os.getuid()
    assert abs((table.kernel_memory(os.getpid()) or 0) - (table.psutil_memory(os.getpid()) or 0)) < 5_000_000


@linux
@pytest.mark.parametrize("source", ["kernel", "psutil"])
def test_neither_source_knows_a_process_that_is_not_there(source: str) -> None:
    nobody = 999_999_999
    asked = [getattr(table, f"{source}_{what}")(nobody) for what in ("row", "argv", "owned_by", "memory")]
    assert asked == [None, [], None, None]


def test_the_table_holds_us_and_our_parent() -> None:
    assert {os.getpid(), os.getppid()} <= {row.pid for row in table.rows()}


def test_without_proc_the_table_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table, "LINUX", False)
    rows = {row.pid: row for row in table.rows()}
    assert rows[os.getpid()].parent == os.getppid()
    assert table.argv(os.getpid())
    assert table.memory(os.getpid())
    assert table.owned_by(os.getpid()) == os.getuid()
