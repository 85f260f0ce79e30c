"""A watched file: every change is seen, and what is not a text file is an error that names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowgate.errors import FlowGateError
from flowgate.system.watched_file import WatchedFile


def settled(path: Path) -> WatchedFile:
    """Return a watched file that was read, and not only just written."""
    found = WatchedFile(path, 100)
    while found.has_changed():
        found.read()
    return found


def test_an_unchanged_file_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("x")
    assert not settled(path).has_changed()


@pytest.mark.parametrize("change", ["write", "append", "replace", "delete", "same size", "old time"])
def test_every_change_is_seen(tmp_path: Path, change: str) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_text("x")
    other.write_text("y")
    found = settled(path)
    before = path.stat()
    match change:
        case "write":
            path.write_text("longer")
        case "append":
            path.write_text("xy")
        case "replace":
            other.replace(path)
        case "delete":
            path.unlink()
        case "same size" | "old time":
            path.write_text("y")
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert found.has_changed()


def test_a_missing_file_has_no_text_and_may_appear(tmp_path: Path) -> None:
    found = WatchedFile(tmp_path / "a", 100)
    assert (found.read(), found.has_changed()) == (None, False)
    (tmp_path / "a").write_text("x")
    assert (found.has_changed(), found.read()) == (True, "x")


@pytest.mark.parametrize("kind", ["folder", "fifo", "large", "binary", "loop"])
def test_what_is_not_a_text_file_is_an_error_that_names_it(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "large":
            path.write_text("x" * 101)
        case "binary":
            path.write_bytes(b"\xff")
        case "loop":
            path.symlink_to(path)
    with pytest.raises(FlowGateError, match=str(path)):
        WatchedFile(path, 100).read()
