from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from subprocess import Popen

import pytest

from flowgate.errors import DiskError, UsageError
from flowgate.system import files
from tests.unit.system.full import small_disk

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from flowgate.system.files import write_atomic
number = 0
while True:
    number += 1
    write_atomic(Path(sys.argv[1]), f"{number}\\n" * 20000)
"""


@pytest.fixture(params=[0o000, 0o022, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


# --- reading


def test_reading_a_missing_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.yaml does not exist"):
        files.read_text(tmp_path / "nothing.yaml")


def test_read_text_or_none_returns_none_for_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert files.read_text_or_none(tmp_path / "nothing") is None
    assert files.read_text_or_none(tmp_path / "file" / "below") is None


def test_line_ends_are_not_changed(tmp_path: Path) -> None:
    (tmp_path / "dos").write_bytes("ä\r\n".encode())
    assert files.read_text(tmp_path / "dos") == "ä\r\n"


def test_invalid_utf_8_is_a_usage_error_with_its_position(tmp_path: Path) -> None:
    (tmp_path / "raw").write_bytes(b"abc\xff")
    with pytest.raises(UsageError, match=r"invalid UTF-8 at byte 4"):
        files.read_text_or_none(tmp_path / "raw")


def test_reading_a_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder"):
        files.read_text(tmp_path)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_a_disk_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "closed").touch(0o000)
    with pytest.raises(DiskError, match="permission denied") as caught:
        files.read_text(tmp_path / "closed")
    assert "ls -ld" in caught.value.fix


# --- writing


@pytest.mark.usefixtures("umask")
def test_a_written_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    assert files.write_atomic(tmp_path / "a" / "b" / "file", "text")
    assert mode(tmp_path / "a" / "b" / "file") == 0o600
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "b")) == (0o700, 0o700)


def test_existing_folders_keep_their_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files.write_atomic(tmp_path / "file", "text")
    files.make_private_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_the_same_text_is_not_written_twice(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_atomic(path, "text")
    before = path.stat()
    assert not files.write_atomic(path, "text")
    assert not files.write_in_place(path, "text")
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_wrong_mode_is_corrected_for_the_same_text(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for write in (files.write_atomic, files.write_in_place):
        path.write_text("text")
        path.chmod(0o644)
        assert write(path, "text", mode=0o700)
        assert mode(path) == 0o700


def test_a_link_is_replaced_and_its_target_is_unchanged(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("text")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.write_atomic(tmp_path / "link", "new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "text"


def test_only_temp_files_of_ended_writers_are_deleted(tmp_path: Path) -> None:
    for pid in ("999999999", str(os.getppid()), "word"):
        (tmp_path / f".f[1].{pid}.tmp").touch()
    files.write_atomic(tmp_path / "f[1]", "text")
    assert names(tmp_path) == sorted([f".f[1].{os.getppid()}.tmp", ".f[1].word.tmp", "f[1]"])


def test_a_killed_writer_leaves_a_complete_file(
    tmp_path: Path, start: Callable[..., Popen[bytes]], until: Callable[[Callable[[], object]], None]
) -> None:
    path = tmp_path / "file"
    for _ in range(3):
        path.unlink(missing_ok=True)
        writer = start(WRITE_FOR_EVER, str(path))
        until(lambda: path.exists() and path.read_bytes()[:2] > b"5\n")
        writer.kill()
        writer.wait()
        lines = path.read_text().splitlines()
        assert (len(lines), len(set(lines))) == (20000, 1)
    files.write_atomic(path, "after")
    assert names(tmp_path) == ["file", "output"]


def test_threads_can_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    texts = [letter * 5000 for letter in "abcdef"]
    threads = [threading.Thread(target=files.write_atomic, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert names(tmp_path) == ["file"]


def test_a_full_disk_leaves_only_the_old_file(tmp_path: Path) -> None:
    files.write_atomic(tmp_path / "file", "old")
    with small_disk(8192), pytest.raises(DiskError, match="file too large"):
        files.write_atomic(tmp_path / "file", "x" * 10000)
    assert (tmp_path / "file").read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_full_disk_restores_the_old_text_in_place(tmp_path: Path) -> None:
    files.write_in_place(tmp_path / "file", "old\n" * 10)
    with small_disk(8192), pytest.raises(DiskError):
        files.write_in_place(tmp_path / "file", "x" * 10000)
    assert (tmp_path / "file").read_text() == "old\n" * 10


def test_writing_in_place_keeps_the_inode_and_truncates(tmp_path: Path) -> None:
    path = tmp_path / "file"
    files.write_in_place(path, "a long text")
    inode = path.stat().st_ino
    assert files.write_in_place(path, "short")
    assert (path.read_text(), path.stat().st_ino, mode(path)) == ("short", inode, 0o600)


def test_writing_below_a_file_is_a_disk_error_with_a_fix(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskError, match="file") as caught:
        files.write_atomic(tmp_path / "file" / "below", "text")
    assert "a file exists where a folder is needed" in caught.value.fix


# --- the rest


def test_deleting_returns_the_existing_files(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    assert files.delete([tmp_path / "a", tmp_path / "b"]) == [tmp_path / "a"]


def test_deleting_a_folder_is_a_disk_error(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskError, match="folder"):
        files.delete([tmp_path / "folder"])


def test_a_listing_has_files_only_newest_first(tmp_path: Path) -> None:
    for age, name in enumerate(("old.yaml", "new.yaml", "newest.txt")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (age, age))
    (tmp_path / "folder.yaml").mkdir()
    assert [one.name for one in files.listing(tmp_path, "*.yaml")] == ["new.yaml", "old.yaml"]
    assert files.listing(tmp_path / "nothing", "*") == []


def test_digests_are_sha256(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    assert files.digest("text") == sha256(b"text").hexdigest()[:12]
    assert files.file_digest(tmp_path / "file") == sha256(b"text").hexdigest()


def test_only_a_file_with_execute_permission_is_executable(tmp_path: Path) -> None:
    (tmp_path / "plain").touch(0o600)
    (tmp_path / "program").touch(0o700)
    found = [files.is_executable(tmp_path / name) for name in ("plain", "program", "nothing", ".")]
    assert found == [False, True, False, False]


def test_a_saved_traceback_is_private(tmp_path: Path) -> None:
    path = files.save_traceback("a bug", shared=tmp_path)
    assert path.read_text() == "a bug"
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
