"""FIFOs, devices and folders in the place of its files: the program neither waits nor fails as a whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.embedded_upstream import regular_files
from flowgate.embedded_upstream.settings import ConfigError, load
from tests.unit.embedded_upstream.conftest import MODELS, Start, Upstream

MANAGEMENT = {"X-Management-Key": "for-the-test"}
ACCOUNT = {"type": "codex", "email": "a@b.c"}
KINDS: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "zero": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
}


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest) -> Callable[[Path], None]:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def managed(start: Start) -> Upstream:
    return start(embedded={"models": MODELS}, remote_management={"secret-key": "for-the-test"})


def test_what_is_no_file_is_neither_read_nor_written(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd")
    with pytest.raises(OSError):
        regular_files.read_text(tmp_path / "odd")
    with pytest.raises(OSError):
        regular_files.write(tmp_path / "odd", b"text")


def test_a_config_that_is_no_file_is_reported(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "odd")
    with pytest.raises(ConfigError, match="failed to read config file"):
        load(tmp_path / "odd")


def test_a_file_that_is_larger_than_any_config_is_refused(tmp_path: Path) -> None:
    (tmp_path / "huge").touch()
    os.truncate(tmp_path / "huge", 10**12)
    with pytest.raises(OSError, match="larger than 64 MB"):
        regular_files.read_bytes(tmp_path / "huge")


def test_writing_keeps_the_inode_and_the_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("a longer text")
    path.chmod(0o640)
    before = path.stat()
    regular_files.write(path, b"short")
    assert path.read_text() == "short"
    assert (path.stat().st_ino, path.stat().st_mode) == (before.st_ino, before.st_mode)


@pytest.mark.parametrize("method, path", [("POST", "?name=odd.json"), ("GET", "/download?name=odd.json")])
def test_an_auth_file_that_is_none_is_an_error_of_one_request(
    managed: Upstream, make: Callable[[Path], None], method: str, path: str
) -> None:
    odd = managed.config.parent / "auth" / "odd.json"
    make(odd)
    reply = managed.request(method, f"/v0/management/auth-files{path}", headers=MANAGEMENT, body=ACCOUNT)
    odd.rmdir() if odd.is_dir() and not odd.is_symlink() else odd.unlink()
    assert reply.status in (404, 500)
    assert managed.responds()
    assert "Traceback" not in managed.log


def test_a_config_that_becomes_a_folder_is_an_error_of_one_request(start: Start, make: Callable[[Path], None]) -> None:
    upstream = start(remote_management={"secret-key": "for-the-test"})
    upstream.config.rename(upstream.config.with_name("moved"))
    make(upstream.config)
    change = upstream.request("PUT", "/v0/management/debug", headers=MANAGEMENT, body={"value": True})
    show = upstream.request("GET", "/v0/management/config.yaml", headers=MANAGEMENT)
    assert [(one.status, "failed to access" in json.loads(one.text)["error"]) for one in (change, show)] == [
        (500, True)
    ] * 2
    assert upstream.responds()


def test_deleting_all_auth_files_leaves_folders(managed: Upstream) -> None:
    folder = managed.config.parent / "auth"
    (folder / "folder.json").mkdir()
    (folder / "one.json").write_text(json.dumps(ACCOUNT))
    managed.request("DELETE", "/v0/management/auth-files?all=true", headers=MANAGEMENT)
    left = [one.name for one in folder.iterdir()]
    (folder / "folder.json").rmdir()
    assert left == ["folder.json"]


def test_half_a_surrogate_pair_is_kept(managed: Upstream) -> None:
    body = b'{"type": "codex", "email": "a\\ud800"}'
    reply = managed.request("POST", "/v0/management/auth-files?name=half.json", headers=MANAGEMENT, body=body)
    written = (managed.config.parent / "auth" / "half.json").read_bytes()
    assert (reply.status, b'a\\ud800"' in written) == (200, True)
