"""Encrypted archives, with the real age encryption: each passphrase costs about a second of work."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pyrage
import pytest

from flowgate.errors import UsageError
from flowgate.system import encrypted_archive

PHRASE = "correct horse battery"


@pytest.fixture(scope="module")
def written() -> bytes:
    return encrypted_archive.pack([("a/b", b"sk-0123456789abcdef" * 1000)], PHRASE)


def test_age_opens_it_and_tar_lists_it(written: bytes) -> None:
    assert written.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert b"sk-0123456789abcdef" not in written
    with tarfile.open(fileobj=io.BytesIO(pyrage.passphrase.decrypt(written, PHRASE))) as tar:
        assert tar.getnames() == ["a/b"]


def to_a_key() -> bytes:
    return bytes(pyrage.encrypt(b"x", [pyrage.x25519.Identity.generate().to_public()]))


@pytest.mark.parametrize("cut", ["half", "one byte", "the header", "a bit"])
def test_a_damaged_file_is_no_wrong_passphrase(tmp_path: Path, written: bytes, cut: str) -> None:
    cuts = {"half": written[:150], "one byte": written[:-1], "the header": written[:90]}
    (path := tmp_path / "x").write_bytes(cuts.get(cut, written[:-9] + bytes([written[-9] ^ 1]) + written[-8:]))
    with pytest.raises(UsageError, match="is damaged, truncated"):
        encrypted_archive.read(path, PHRASE)


def test_a_wrong_passphrase_and_a_file_for_a_key_are_told_apart(tmp_path: Path, written: bytes) -> None:
    (path := tmp_path / "x").write_bytes(written)
    with pytest.raises(UsageError, match="the passphrase does not open"):
        encrypted_archive.read(path, "another one")
    path.write_bytes(to_a_key())
    with pytest.raises(UsageError, match="encrypted for a key"):
        encrypted_archive.read(path, PHRASE)
