"""What a killed command has replaced is written back, by the supervisor or by the next command."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.errors import DiskError
from flowgate.supervisor import replaced_files
from flowgate.supervisor.journal import Journal
from flowgate.supervisor.replaced_files import AbandonedFiles, place, put_back
from flowgate.supervisor.status_document import StatusDocument
from flowgate.supervisor.supervisor import Supervisor
from flowgate.system import files
from flowgate.system.clock import Clock


def note(runtime: Path, replaced: dict[Path, str | None]) -> None:
    files.write_atomic(place(runtime), replaced_files.dump("litellm", "d1", replaced))


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """A file that a command has replaced, with a note of what it was."""
    path = tmp_path / "cliproxyapi.yaml"
    path.write_text("new")
    path.chmod(0o600)
    note(tmp_path, {path: "old"})
    return path


@pytest.fixture
def abandoned(tmp_path: Path) -> AbandonedFiles:
    """The work of a supervisor that runs nothing."""
    journal = Journal(tmp_path / "log", tmp_path / "events.log")
    return AbandonedFiles(Supervisor(tmp_path / "run", journal, Clock()))


@pytest.mark.parametrize("serving", ["d1", None])
def test_it_is_written_back_in_place_while_the_program_before_serves_or_comes_back(
    document: Path, serving: str | None
) -> None:
    inode = document.stat().st_ino
    assert put_back(document.parent, lambda service: serving) == [document]
    assert (document.read_text(), document.stat().st_ino) == ("old", inode)
    assert not place(document.parent).exists()


def test_it_stays_when_the_new_program_serves(document: Path) -> None:
    assert put_back(document.parent, lambda service: "d2") == []
    assert document.read_text() == "new"
    assert not place(document.parent).exists()


def test_a_file_that_did_not_exist_is_deleted(tmp_path: Path) -> None:
    (key := tmp_path / "management-key").write_text("sk-new")
    note(tmp_path, {key: None, tmp_path / "never-written": None})
    assert put_back(tmp_path, lambda service: "d1") == [key]
    assert not key.exists()


def test_what_was_not_replaced_yet_is_left_alone(document: Path) -> None:
    document.write_text("old")
    assert put_back(document.parent, lambda service: "d1") == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"files": {}}', "\0"])
def test_a_damaged_note_is_deleted(document: Path, text: str) -> None:
    place(document.parent).write_text(text)
    assert put_back(document.parent, lambda service: "d1") == []
    assert document.read_text() == "new"
    assert not place(document.parent).exists()


def test_a_note_stays_until_it_can_be_acted_on(document: Path) -> None:
    document.unlink()
    document.mkdir()
    with pytest.raises(DiskError):
        put_back(document.parent, lambda service: "d1")
    assert place(document.parent).exists()


def test_only_a_program_that_serves_counts() -> None:
    generations = [{"phase": "draining", "digest": "d1"}, {"phase": "starting", "digest": "d2"}]
    status = StatusDocument(supervisor=1, fork_servers=[], services={"litellm": {"generations": generations}})  # type: ignore[typeddict-item]
    assert replaced_files.serving_digest(status, "litellm") is None
    generations[0]["phase"] = "serving"
    assert replaced_files.serving_digest(status, "litellm") == "d1"
    generations[0]["leased"] = True  # type: ignore[assignment]
    assert replaced_files.serving_digest(status, "litellm") is None
    assert replaced_files.serving_digest(status, "other") is None


def test_the_supervisor_acts_once_nobody_holds_the_lock(document: Path, abandoned: AbandonedFiles) -> None:
    lock = document.parent / replaced_files.LOCK
    with files.exclusive_lock(lock, "up", clock=Clock(), timeout=0.0, on_wait=lambda holder: None):
        abandoned.run()
        assert document.read_text() == "new"
    abandoned.run()
    assert document.read_text() == "new"  # what the command started may not be stopped yet
    abandoned.run()
    abandoned.run()
    assert document.read_text() == "old"
    assert (document.parent / "log").read_text().count("a command was killed before what it had started served") == 1


def test_the_supervisor_tries_again_and_says_so_once(document: Path, abandoned: AbandonedFiles) -> None:
    document.unlink()
    document.mkdir()
    for _ in range(3):
        abandoned.run()
    assert (document.parent / "log").read_text().count("cannot be written back") == 1
    document.rmdir()
    abandoned.run()
    assert document.read_text() == "old"
