"""Backups: what is in one, what is refused, and what a crash in the middle of a restore leaves."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
import sys
import tarfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pyrage
import pytest

from flowgate.cli import backup, backup_contents, restore
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import DiskError, FlowGateError, UsageError
from flowgate.ledger import database
from flowgate.system import encrypted_archive, staged_moves
from tests.unit.cli.sessions import SessionFactory, put

PHRASE = "correct horse battery"
HEAD = b"age-encryption.org/v1\n"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Encrypt without the second of work that a real passphrase costs; tests/unit/system has the real one."""
    monkeypatch.setattr(pyrage.passphrase, "encrypt", age)
    monkeypatch.setattr(pyrage.passphrase, "decrypt", opened)


def age(data: bytes, phrase: str = PHRASE) -> bytes:
    return HEAD + hashlib.sha256(phrase.encode()).digest() + data


def opened(data: bytes, phrase: str) -> bytes:
    if data[len(HEAD) :][:32] != hashlib.sha256(phrase.encode()).digest():
        raise pyrage.DecryptError("Decryption failed")
    return data[len(HEAD) + 32 :]


class Home:
    """A gateway of one folder, with an account, a key, a ledger and a backup of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.router = folder / ".router"
        self.config = folder / "flowgate.yaml"
        self.file = folder.parent / "backup.age"
        self.phrase = put(folder.parent / "passphrase", f"{PHRASE}\n")

    def fill(self) -> Home:
        SessionFactory(self.folder)()
        put(self.router / "auths" / "codex-a.json", '{"type": "codex"}')
        put(self.router / "secrets" / "litellm-master-key", "sk-0123456789abcdef")
        put(self.router / "runtime" / "state.json", '{"current_profile": "balanced"}')
        with closing(database.open_to_write(self.router / "runtime" / FILE_NAME)):
            return self

    def backup(self, *, force: bool = False) -> Path:
        backup.backup(str(self.config), str(self.file), str(self.phrase), force, check=False)
        return self.file

    def restore(self, *, force: bool = False, check: bool = False) -> int:
        return restore.restore(str(self.config), str(self.file), str(self.phrase), force, check=check)

    def files(self) -> dict[str, bytes]:
        found = [path for path in self.folder.rglob("*") if path.is_file() and path.name not in ("lock", "home")]
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in found}


@pytest.fixture
def full(tmp_path: Path) -> Home:
    """A gateway whose backup exists."""
    (tmp_path / "old").mkdir()
    home = Home(tmp_path / "old").fill()
    home.backup()
    return home


@pytest.fixture
def fresh(full: Home, tmp_path: Path) -> Home:
    """Another, empty place for the backup."""
    (tmp_path / "new").mkdir()
    return Home(tmp_path / "new")


def test_everything_comes_back_elsewhere(full: Home, fresh: Home) -> None:
    fresh.restore()
    before, after = full.files(), fresh.files()
    assert {name: after[name] for name in before if FILE_NAME not in name} == {
        name: text for name, text in before.items() if FILE_NAME not in name
    }
    assert f".router/runtime/{FILE_NAME}" in after


def test_what_is_restored_is_private(fresh: Home) -> None:
    fresh.restore()
    paths = [path for path in fresh.folder.rglob("*") if path.name != "lock"]
    wrong = [path for path in paths if stat.S_IMODE(path.stat().st_mode) != (0o700 if path.is_dir() else 0o600)]
    assert wrong == []


def test_the_file_is_private(full: Home) -> None:
    assert stat.S_IMODE(full.file.stat().st_mode) == 0o600


def test_an_existing_backup_is_replaced_only_with_force(full: Home) -> None:
    with pytest.raises(UsageError, match="exists already"):
        full.backup()
    full.backup(force=True)


def test_what_exists_is_refused_and_nothing_changes(full: Home) -> None:
    before = full.files()
    with pytest.raises(UsageError, match="exist already") as error:
        full.restore()
    assert "--force" in error.value.fix
    assert full.files() == before


def test_force_keeps_what_it_replaces(full: Home) -> None:
    put(full.router / "auths" / "newer.json", "{}")
    full.restore(force=True)
    assert [path.name for path in (full.router / "auths").iterdir()] == ["codex-a.json"]
    (aside,) = (full.router / "replaced").iterdir()
    assert {path.name for path in (aside / "accounts").iterdir()} == {"codex-a.json", "newer.json"}
    assert stat.S_IMODE(aside.stat().st_mode) == 0o700


def test_dry_lists_and_writes_nothing(full: Home, fresh: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert fresh.restore(check=True) == 0
    assert fresh.files() == {}
    printed = capsys.readouterr()
    assert str(fresh.router / "auths") in printed.out
    assert "accounts                   1 file" in printed.err


def test_an_old_write_ahead_log_is_not_applied_to_the_restored_ledger(full: Home) -> None:
    log = put(full.router / "runtime" / f"{FILE_NAME}-wal", "of the old ledger")
    full.restore(force=True)
    assert log.read_bytes() == b""
    with closing(database.open_to_write(full.router / "runtime" / FILE_NAME)):
        pass


# --- files that are no backup


def packed(*members: tuple[str, bytes | str], manifest: dict[str, object] | None = None) -> bytes:
    """Return a tar; a text stands for a link to it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        rows = [*members] if manifest is None else [(backup_contents.MANIFEST, json.dumps(manifest).encode()), *members]
        for name, content in rows:
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                tar.addfile(info)
                continue
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


LIST: dict[str, object] = {
    "format": 1, "created": "", "flowgate": "9", "host": "", "home": "", "embedded": False, "included": [], "files": []
}  # fmt: skip
ENTRY = {"name": "accounts/a.json", "size": 2, "sha256": "0"}
LISTED = {**LIST, "files": [ENTRY]}
TWICE = {**LIST, "files": [{"name": "accounts/a", "size": 0, "sha256": hashlib.sha256(b"").hexdigest()}]}


BAD: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "no age file"),
    "text": (lambda _: b"hello", "no age file"),
    "an archive without encryption": (lambda _: packed(manifest=LIST), "no age file"),
    "half an archive": (lambda data: data[: len(data) // 2], "no archive"),
    "another passphrase": (lambda _: age(b"", "another one"), "does not open"),
    "no archive": (lambda _: age(b"hello"), "no archive"),
    "an empty archive": (lambda _: age(packed()), "is missing"),
    "no list": (lambda _: age(packed(("accounts/a.json", b"{}"))), "begins with"),
    "a list that is no JSON": (lambda _: age(packed((backup_contents.MANIFEST, b"{"))), "list of files is damaged"),
    "a list without files": (lambda _: age(packed(manifest={"format": 1})), "list of files is damaged"),
    "a newer format": (lambda _: age(packed(manifest={**LIST, "format": 2})), "newer FlowGate"),
    "an unknown part": (lambda _: age(packed(manifest={**LIST, "files": [{**ENTRY, "name": "bin/x"}]})), "contains"),
    "a part that is missing": (lambda _: age(packed(manifest={**LIST, "files": [ENTRY]})), "is missing"),
    "a part too many": (lambda _: age(packed(("accounts/b.json", b"{}"), manifest=LIST)), "is not as"),
    "another digest": (lambda _: age(packed(("accounts/a.json", b"{}"), manifest=LISTED)), "is not as"),
    "a path outside": (lambda _: age(packed(("accounts/../../x", b"{}"), manifest=LIST)), "no name of a file below"),
    "an absolute path": (lambda _: age(packed(("/etc/x", b"{}"), manifest=LIST)), "no name of a file below"),
    "a dot": (lambda _: age(packed(("accounts/./a", b"{}"), manifest=LIST)), "no name of a file below"),
    "a link": (lambda _: age(packed(("accounts/a.json", "/etc/passwd"), manifest=LIST)), "is a link"),
    "a name twice": (lambda _: age(packed(*[("accounts/a", b"")] * 2, manifest=TWICE)), "there twice"),
    "no config": (lambda _: age(packed(manifest=LIST)), "has no config"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_another_file_is_refused_and_nothing_is_written(fresh: Home, case: str) -> None:
    make, words = BAD[case]
    fresh.file.write_bytes(make(fresh.file.read_bytes()))
    with pytest.raises(UsageError, match=words) as error:
        fresh.restore(force=True)
    assert error.value.code == 2
    assert "\n" not in error.value.what
    assert fresh.files() == {}


def test_a_missing_file_is_refused(fresh: Home) -> None:
    fresh.file.unlink()
    with pytest.raises(UsageError, match="there is no file"):
        fresh.restore()


def test_a_folder_and_a_fifo_are_refused(fresh: Home) -> None:
    for make in (Path.mkdir, os.mkfifo):
        fresh.file.unlink(missing_ok=True)
        make(fresh.file)
        with pytest.raises(UsageError, match="is not a regular file"):
            fresh.restore()
        fresh.file.rmdir() if fresh.file.is_dir() else fresh.file.unlink()


def test_a_huge_file_is_refused_before_it_is_read(fresh: Home) -> None:
    os.truncate(fresh.file, encrypted_archive.MAX_FILE_BYTES + 1)
    with pytest.raises(UsageError, match="is too large"):
        fresh.restore()


def test_what_unpacks_to_too_much_is_refused(fresh: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted_archive, "MAX_BYTES", 5_000)
    with pytest.raises(UsageError, match="unpacks to more than"):
        fresh.restore()
    assert fresh.files() == {}


def test_a_damaged_ledger_is_refused(full: Home, fresh: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowgate.ledger.snapshot.copy", lambda _, into: bool(into.write_bytes(b"no database" * 99)))
    full.backup(force=True)
    with pytest.raises(UsageError, match="the ledger in "):
        fresh.restore()
    assert not any("auths" in name for name in fresh.files())


def test_a_config_that_this_flowgate_refuses_is_refused(full: Home, fresh: Home) -> None:
    text = full.config.read_text()
    fresh_text = text.replace("profiles:", "profils:")
    data = opened(full.file.read_bytes(), PHRASE)
    raw = [(name, source.read()) for name, source in encrypted_archive.members(data, full.file)]
    manifest = json.loads(raw[0][1])
    entry = next(one for one in manifest["files"] if one["name"] == backup_contents.CONFIG)
    entry |= {"size": len(fresh_text), "sha256": hashlib.sha256(fresh_text.encode()).hexdigest()}
    rest = [(name, fresh_text.encode() if name == backup_contents.CONFIG else text) for name, text in raw[1:]]
    fresh.file.write_bytes(age(packed(*rest, manifest=manifest)))
    with pytest.raises(FlowGateError, match="has 2 errors"):
        fresh.restore()


# --- passphrases


PHRASES = [("", "no passphrase"), ("\nx", "no passphrase"), ("short", "fewer than 8"), ("x" * 1001, "more than")]


@pytest.mark.parametrize("text, words", PHRASES)
def test_a_passphrase_that_protects_nothing_is_refused(full: Home, text: str, words: str) -> None:
    put(full.phrase, text)
    with pytest.raises(UsageError, match=words):
        full.backup(force=True)


def test_a_passphrase_file_that_others_can_read_is_refused(full: Home) -> None:
    full.phrase.chmod(0o640)
    with pytest.raises(UsageError, match="others can read") as error:
        full.backup(force=True)
    assert error.value.fix == f"chmod 600 {full.phrase}"


def test_the_first_line_of_stdin_is_the_passphrase(full: Home, fresh: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PHRASE}\nmore\n"))
    assert restore.restore(str(fresh.config), str(fresh.file), "", False, check=False) == 0


def test_two_different_passphrases_at_the_terminal_are_refused(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["first one", "second one"])
    monkeypatch.setattr("flowgate.system.terminal.has_reader", lambda: True)
    monkeypatch.setattr("flowgate.system.terminal.read_secret", lambda _: next(typed))
    with pytest.raises(UsageError, match="differ"):
        backup.backup(str(full.config), str(full.folder / "x.age"), "", False, check=False)
    assert not (full.folder / "x.age").exists()


# --- crashes


class Killed(BaseException):
    """The process ends here."""


def killed_after(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end after some moves."""
    left, move = iter(range(count)), staged_moves._move

    def stop(source: Path, target: Path) -> None:
        if next(left, None) is None:
            raise Killed
        move(source, target)

    monkeypatch.setattr(staged_moves, "_move", stop)


@pytest.mark.parametrize("moves", range(12))
def test_a_second_run_completes_what_was_interrupted(full: Home, moves: int) -> None:
    wanted = {name: text for name, text in full.files().items() if FILE_NAME not in name}
    put(full.router / "auths" / "codex-a.json", "changed")
    put(full.config, full.config.read_text() + "# changed\n")
    with pytest.MonkeyPatch.context() as monkeypatch:
        killed_after(moves, monkeypatch)
        with pytest.raises(Killed):
            full.restore(force=True)
    assert full.restore() == 0  # without --force: nothing new is begun
    now = {name: text for name, text in full.files().items() if FILE_NAME not in name and "replaced" not in name}
    assert now == wanted
    assert len([one for one in (full.router / "replaced").rglob("codex-a.json") if one.read_text() == "changed"]) == 1


def test_a_full_disk_before_the_first_move_changes_nothing(full: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(path: Path, blocks: object) -> None:
        raise OSError(28, "No space left on device")

    before = full.files()
    monkeypatch.setattr("flowgate.system.files.write_private", full_disk)
    with pytest.raises(DiskError) as error:
        full.restore(force=True)
    assert error.value.code == 3
    assert full.files() == before


def test_what_an_interrupted_run_unpacked_is_deleted_by_the_next(fresh: Home) -> None:
    put(fresh.router / "restoring" / "accounts" / "half.json", "{")
    fresh.restore()
    assert not (fresh.router / "restoring").exists()
    assert not any("half" in name for name in fresh.files())


def test_a_damaged_list_of_moves_is_said(fresh: Home) -> None:
    put(fresh.router / "restoring" / staged_moves.JOURNAL, '{"version": 1, "moves": [{}]}')
    with pytest.raises(UsageError, match="is damaged") as error:
        fresh.restore()
    assert str(fresh.router / "restoring") in error.value.fix


# --- another machine


def test_receipts_follow_the_home_folder(
    full: Home, fresh: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", "/home/old")
    receipt = {"version": 1, "files": [{"path": "/home/old/.codex/config.toml", "folders": ["/home/old/.codex"]}]}
    put(full.router / "secrets" / "clients" / "laptop.json", json.dumps(receipt))
    put(full.config, full.config.read_text() + "secret_files: [/home/old/secret]\n")
    full.backup(force=True)
    monkeypatch.setenv("HOME", "/home/new")
    fresh.restore()
    moved = json.loads((fresh.router / "secrets" / "clients" / "laptop.json").read_text())
    assert moved["files"] == [{"path": "/home/new/.codex/config.toml", "folders": ["/home/new/.codex"]}]
    said = capsys.readouterr().err
    assert "client.rotate laptop" in said
    assert f"names paths in /home/old, the home folder of the backup ({fresh.config}:" in said


def test_files_that_the_config_includes_are_in_it(full: Home, fresh: Home) -> None:
    put(full.folder / "more" / "models.yaml", "model_list: []\n")
    put(
        full.config,
        full.config.read_text().replace("litellm_base:\n", "litellm_base:\n  include: [more/models.yaml]\n"),
    )
    full.backup(force=True)
    fresh.restore()
    assert (fresh.folder / "more" / "models.yaml").read_text() == "model_list: []\n"
