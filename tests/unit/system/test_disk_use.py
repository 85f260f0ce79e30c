"""The space of files: counted without links, and within a time."""

from __future__ import annotations

from pathlib import Path

from flowgate.system.disk_use import used, used_of


def test_files_in_folders_are_counted_and_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "file").write_bytes(b"x" * 100_000)
    (tmp_path / "a" / "link").symlink_to(tmp_path / "a")
    found = used([tmp_path / "a", tmp_path / "missing"])
    assert found.complete
    assert found.files == 2
    assert 100_000 <= found.size < 150_000


def test_the_time_is_shared_and_what_was_not_counted_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    found = used_of({"first": [tmp_path], "second": [tmp_path]}, -1.0)
    assert [one.complete for one in found.values()] == [False, False]
