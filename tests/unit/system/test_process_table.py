from __future__ import annotations

import os
import sys

import pytest

from flowgate.system import process_table

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


@linux
def test_both_sources_tell_the_same_of_a_process() -> None:
    kernel, other = process_table.proc_row(os.getpid()), process_table.psutil_row(os.getpid())
    assert kernel is not None
    assert other is not None
    assert (kernel.parent, kernel.session) == (other.parent, other.session) == (os.getppid(), os.getsid(0))
    assert process_table.proc_argv(os.getpid()) == process_table.psutil_argv(os.getpid())
    assert process_table.proc_owner_uid(os.getpid()) == process_table.psutil_owner_uid(os.getpid()) == os.getuid()
    assert (
        abs((process_table.proc_memory(os.getpid()) or 0) - (process_table.psutil_memory(os.getpid()) or 0)) < 5_000_000
    )


@linux
@pytest.mark.parametrize("source", ["kernel", "psutil"])
def test_neither_source_knows_a_process_that_is_not_there(source: str) -> None:
    nobody = 999_999_999
    asked = [getattr(process_table, f"{source}_{what}")(nobody) for what in ("row", "argv", "owned_by", "memory")]
    assert asked == [None, [], None, None]


def test_the_table_holds_us_and_our_parent() -> None:
    assert {os.getpid(), os.getppid()} <= {row.pid for row in process_table.rows()}


def test_without_proc_the_table_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "LINUX", False)
    rows = {row.pid: row for row in process_table.rows()}
    assert rows[os.getpid()].parent == os.getppid()
    assert process_table.argv(os.getpid())
    assert process_table.memory(os.getpid())
    assert process_table.owner_uid(os.getpid()) == os.getuid()
