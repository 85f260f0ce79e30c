from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from subprocess import Popen

import pytest

from flowgate.errors import DiskError
from flowgate.system.files import append_line, read_from, rotate_in_place, tail
from tests.unit.system.full import small_disk

APPEND = """
import sys
from pathlib import Path
from flowgate.system.log_files import append_line
for number in range(int(sys.argv[3])):
    assert append_line(Path(sys.argv[1]), f"{sys.argv[2]} {number} " + "." * (number % 50), max_bytes=4000, keep=99)
"""


# --- appending


def test_lines_are_appended_to_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "new" / "log"
    assert append_line(path, "one\n")
    assert append_line(path, "two\nhalves \udcff")
    assert path.read_text() == "one\ntwo\\nhalves \\udcff\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_several_processes_lose_no_line_during_rotation(tmp_path: Path, start: Callable[..., Popen[bytes]]) -> None:
    path = tmp_path / "logs" / "events.log"
    writers = [start(APPEND, str(path), name, "1500") for name in ("a", "b", "c")]
    assert [one.wait(timeout=60) for one in writers] == [0, 0, 0], (tmp_path / "output").read_text()
    parts = list(path.parent.iterdir())
    lines = [line for part in parts for line in part.read_text().splitlines()]
    wanted = {(name, str(number)) for name in "abc" for number in range(1500)}
    assert len(lines) == len(wanted)
    assert {tuple(line.split()[:2]) for line in lines} == wanted
    assert 10 < len(parts) < 99
    assert max(part.stat().st_size for part in parts) <= 4000


def test_rotation_deletes_the_oldest_file(tmp_path: Path) -> None:
    for number in range(7):
        append_line(tmp_path / "log", f"line {number}", max_bytes=10, keep=3)
    found = {one.name: one.read_text() for one in tmp_path.iterdir()}
    assert found == {"log": "line 6\n", "log.1": "line 5\n", "log.2": "line 4\n", "log.3": "line 3\n"}


def test_a_line_longer_than_the_limit_is_written_to_an_empty_file(tmp_path: Path) -> None:
    assert append_line(tmp_path / "log", "x" * 50, max_bytes=10)
    assert tail(tmp_path / "log", 1) == ["x" * 50]


def test_a_line_after_an_incomplete_line_starts_on_its_own(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("whole\nha")
    append_line(tmp_path / "log", "next")
    assert (tmp_path / "log").read_text() == "whole\nha\nnext\n"


def test_on_a_full_disk_no_part_of_the_line_is_written(tmp_path: Path) -> None:
    assert append_line(tmp_path / "log", "x" * 80)
    with small_disk(100):
        assert not append_line(tmp_path / "log", "y" * 80)
    assert (tmp_path / "log").read_text() == "x" * 80 + "\n"


def test_a_disk_error_returns_false(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert not append_line(tmp_path / "file" / "log", "line")
    assert not append_line(tmp_path, "line")


# --- rotating under a writer


def test_a_writer_continues_in_the_truncated_file(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("ab", buffering=0) as child:
        child.write(b"old\n" * 10)
        assert rotate_in_place(path, 20, 2)
        child.write(b"new\n")
    assert (path.read_text(), (tmp_path / "log.1").read_text()) == ("new\n", "old\n" * 10)
    assert (tmp_path / "log.1").stat().st_mode & 0o777 == 0o600


def test_a_small_log_is_not_rotated(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("old\n")
    assert not rotate_in_place(tmp_path / "log", 4, 2)
    assert not rotate_in_place(tmp_path / "nothing", 4, 2)
    assert [one.name for one in tmp_path.iterdir()] == ["log"]


def test_a_log_that_cannot_be_copied_is_not_truncated(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("x" * 500)
    (tmp_path / "log.1").write_text("older")
    with small_disk(100):
        assert not rotate_in_place(tmp_path / "log", 4, 2)
    found = {one.name: one.stat().st_size for one in tmp_path.iterdir()}
    assert found == {"log": 500, "log.1": 5}


# --- reading the end


@pytest.mark.parametrize("size", [0, 1, 7, 100_000])
@pytest.mark.parametrize("end", ["", "\n"])
def test_tail_returns_the_last_lines(tmp_path: Path, size: int, end: str) -> None:
    lines = [f"line {number} ü" for number in range(size)]
    (tmp_path / "log").write_text("\n".join(lines) + (end if lines else ""))
    for wanted in (1, 5, 20_000):
        assert tail(tmp_path / "log", wanted) == lines[-wanted:]


def test_tail_of_a_missing_file_or_of_no_lines_is_empty(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a\nb\n")
    assert tail(tmp_path / "nothing", 5) == []
    assert tail(tmp_path / "log", 0) == []


def test_tail_replaces_invalid_utf_8(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff\xfe\r\nb\n\n")
    assert tail(tmp_path / "log", 3) == ["\ufffd\ufffd", "b", ""]


def test_tail_reads_only_the_end_of_a_huge_file(tmp_path: Path) -> None:
    with (tmp_path / "log").open("wb") as log:
        log.truncate(10**12)  # a hole: reading it whole would take minutes
        log.seek(0, os.SEEK_END)
        log.write(b"\na\nb\n")
    assert tail(tmp_path / "log", 2) == ["a", "b"]


def test_tail_of_a_folder_is_a_disk_error(tmp_path: Path) -> None:
    with pytest.raises(DiskError, match="is not a regular file: it is a folder"):
        tail(tmp_path, 1)


def test_an_incomplete_character_is_read_later(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"old a\xc3")
    assert read_from(path, 4) == ("a", 5)
    path.write_bytes(b"old a\xc3\xa4\n")
    assert read_from(path, 5) == ("ä\n", 8)
