from __future__ import annotations

import os
import sys

import pytest

from flowgate.system import process_table

linux = pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")


@linux
def test_both_sources_agree() -> None:
    proc, other = process_table.proc_row(os.getpid()), process_table.psutil_row(os.getpid())
    assert proc is not None
    assert other is not None
    assert (proc.parent, proc.session) == (other.parent, other.session) == (os.getppid(), os.getsid(0))
    assert process_table.proc_argv(os.getpid()) == process_table.psutil_argv(os.getpid())
    assert process_table.proc_owner_uid(os.getpid()) == process_table.psutil_owner_uid(os.getpid()) == os.getuid()
    assert (
        abs((process_table.proc_memory(os.getpid()) or 0) - (process_table.psutil_memory(os.getpid()) or 0)) < 5_000_000
    )


@linux
@pytest.mark.parametrize("source", ["proc", "psutil"])
def test_no_source_finds_a_missing_process(source: str) -> None:
    missing = 999_999_999
    found = [getattr(process_table, f"{source}_{what}")(missing) for what in ("row", "argv", "owner_uid", "memory")]
    assert found == [None, [], None, None]


def test_the_table_contains_this_process_and_its_parent() -> None:
    assert {os.getpid(), os.getppid()} <= {row.pid for row in process_table.rows()}


def test_without_proc_the_table_comes_from_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_table, "LINUX", False)
    rows = {row.pid: row for row in process_table.rows()}
    assert rows[os.getpid()].parent == os.getppid()
    assert process_table.argv(os.getpid())
    assert process_table.memory(os.getpid())
    assert process_table.owner_uid(os.getpid()) == os.getuid()
