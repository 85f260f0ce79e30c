"""A full disk: requests wait, then are dropped and counted; when there is space again, recording goes on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flowgate.ledger import pending
from flowgate.ledger.writer import LedgerWriter
from tests.unit.ledger.conftest import Row, record, serve, until
from tests.unit.ledger.test_writer import written


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """The path of a ledger on a disk that has no space left but what a file called `filling` takes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    record(folder / "ledger.sqlite")
    with (folder / "filling").open("wb", buffering=0) as filling:
        try:
            while filling.write(b"x" * 4096):
                pass
        except OSError:
            pass
    yield folder / "ledger.sqlite"
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_requests_wait_for_space_and_then_are_written(
    path: Path, writer: Callable[..., LedgerWriter[Row]], reports: list[str]
) -> None:
    one = writer()
    for _ in range(5):
        serve(one)
    until(lambda: one.state()["problem"])
    (path.parent / "filling").unlink()
    until(lambda: one.state()["written"] == 5 and not one.state()["problem"])
    assert (one.state()["problem"], one.state()["dropped"], len(written(path))) == ("", 0, 5)
    assert "full" in reports[0] or "disk" in reports[0]


def test_more_than_the_queue_holds_is_dropped_and_counted(
    path: Path, writer: Callable[..., LedgerWriter[Row]], reports: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pending, "MAX_WAITING", 10)
    one = writer()
    for _ in range(30):
        serve(one)
    until(lambda: one.state()["problem"])
    assert (one.state()["waiting"], one.state()["dropped"]) == (10, 20)
    one.close(10.0)
    assert reports[-1].endswith("requests were not recorded")
