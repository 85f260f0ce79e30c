"""Which changes of a config's files count, and when."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from flowgate.supervisor import config_record
from flowgate.supervisor.config_watch import EVERY_SECONDS, SETTLE_SECONDS, ConfigWatch
from flowgate.system.clock import Clock

TEXT = "a: 1\n"


class Later(Clock):
    """A clock that runs an hour ahead."""

    def wall(self) -> datetime:
        return super().wall() + timedelta(hours=1)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "flowgate.yaml"
    path.write_text(TEXT)
    return path


def watching(*paths: Path) -> ConfigWatch:
    """Return a watch that has just seen these files applied."""
    watch = ConfigWatch(Clock())
    watch.applied(config_record.digests(paths))
    assert not watch.changed()
    return watch


def settles(watch: ConfigWatch) -> bool:
    """Return whether there is a change: seen once, counted at the second look, and not again."""
    first, second, third = (watch.changed() for _ in range(3))
    assert not first
    assert not third
    return second


def replace(path: Path) -> None:
    temp = path.with_name("new")
    temp.write_text("a: 2\n")
    temp.replace(path)


def link(path: Path) -> None:
    path.with_name("other").write_text("a: 2\n")
    path.unlink()
    path.symlink_to("other")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES: dict[str, Callable[[Path], object]] = {
    "written in place": lambda path: path.write_text("a: 2\n"),
    "same size": lambda path: path.write_text("b: 1\n"),
    "appended": lambda path: path.write_text(TEXT + "b: 2\n"),
    "replaced": replace,
    "emptied": lambda path: path.write_text(""),
    "deleted": lambda path: path.unlink(),
    "a link in its place": lambda path: link(path),
    "a folder in its place": lambda path: make_folder(path),
    "no text any more": lambda path: path.write_bytes(b"\xff\xfe"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_counts_once(config: Path, change: str) -> None:
    watch = watching(config)
    CHANGES[change](config)
    assert settles(watch)


NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda path: path,
    "touched": lambda path: path.touch(),
    "the same text again": lambda path: path.write_text(TEXT),
    "another mode": lambda path: path.chmod(0o600),
    "a file beside it": lambda path: path.with_name("x").write_text("y"),
}


@pytest.mark.parametrize("change", NO_CHANGES)
def test_what_changes_no_content_does_not_count(config: Path, change: str) -> None:
    watch = watching(config)
    NO_CHANGES[change](config)
    assert not settles(watch)


def test_a_write_that_keeps_size_and_date_counts(config: Path) -> None:
    watch, before = watching(config), config.stat()
    config.write_text("a: 9\n")
    os.utime(config, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert settles(watch)


def test_a_config_map_that_is_swapped_counts(tmp_path: Path) -> None:
    for name, text in (("..1", TEXT), ("..2", "a: 2\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flowgate.yaml").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "flowgate.yaml").symlink_to("..data/flowgate.yaml")
    watch = watching(tmp_path / "flowgate.yaml")
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    assert settles(watch)


def test_a_file_that_is_still_written_does_not_count_yet(config: Path) -> None:
    watch = watching(config)
    for number in range(3):
        config.write_text(TEXT * (number + 2))
        assert not watch.changed()
        assert watch.next_look == SETTLE_SECONDS
    assert watch.changed()
    assert watch.next_look == EVERY_SECONDS


def test_a_file_that_vanishes_and_comes_back_meanwhile_is_no_change(config: Path) -> None:
    watch = watching(config)
    config.unlink()
    assert not watch.changed()
    config.write_text(TEXT)
    assert not settles(watch)


def test_a_file_that_was_missing_counts_when_it_comes(config: Path) -> None:
    missing = config.with_name("models.yaml")
    watch = watching(config, missing)
    missing.write_text(TEXT)
    assert settles(watch)


def test_a_change_during_a_reload_counts_afterwards(config: Path) -> None:
    watch, read = watching(config), config_record.digests([config])
    config.write_text("a: 2\n")
    watch.applied(read)
    assert settles(watch)


def test_an_old_file_is_read_only_once(config: Path) -> None:
    reads: list[Path] = []

    def digest(path: Path) -> str:
        reads.append(path)
        return "x"

    watch = ConfigWatch(Later(), digest)
    watch.applied({str(config): "x"})
    for _ in range(5):
        assert not watch.changed()
    assert len(reads) == 1
