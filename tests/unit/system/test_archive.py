from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from flowgate.errors import DiskError, EnvironmentFailure
from flowgate.system.archive import kind, unpack
from tests.unit.bootstrap.releases import member, program, tar_gz, zip_of

NAMES = ("cli-proxy-api-plus", "cli-proxy-api")
NAME = NAMES[0]


def extract(tmp_path: Path, data: bytes, max_bytes: int = 1 << 24) -> str:
    (tmp_path / "archive").write_bytes(data)
    return unpack(tmp_path / "archive", NAMES, tmp_path / "out", max_bytes=max_bytes)


def assert_rejected(tmp_path: Path, data: bytes, reason: str, max_bytes: int = 1 << 24) -> None:
    with pytest.raises(EnvironmentFailure, match=reason):
        extract(tmp_path, data, max_bytes)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]


def link_in_zip(name: str, mode: int = stat.S_IFLNK) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (mode | 0o777) << 16
    return info


@pytest.mark.parametrize("pack", [tar_gz, zip_of])
@pytest.mark.parametrize("name", NAMES)
def test_the_program_is_extracted_with_mode_0700(tmp_path: Path, pack: object, name: str) -> None:
    assert callable(pack)
    assert extract(tmp_path, pack(("README.md", b"x"), ("static/page.html", b"x"), (name, program()))) == name
    out = tmp_path / "out"
    assert (out.read_bytes(), stat.S_IMODE(out.stat().st_mode)) == (program(), 0o700)


def test_a_leading_dot_means_the_root(tmp_path: Path) -> None:
    assert extract(tmp_path, tar_gz((member("./", tarfile.DIRTYPE), b""), (f"./{NAME}", program()))) == NAME


@pytest.mark.parametrize("pack", [tar_gz, zip_of])
@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "C:evil"])
def test_a_path_outside_the_folder_rejects_the_archive(tmp_path: Path, pack: object, name: str) -> None:
    assert callable(pack)
    assert_rejected(tmp_path, pack((NAME, program()), (name, b"x")), "contains a path outside its folder")


@pytest.mark.parametrize("link", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("name", [NAME, "other"])
def test_a_link_rejects_the_archive(tmp_path: Path, link: bytes, name: str) -> None:
    assert_rejected(
        tmp_path, tar_gz((member(name, link, "/bin/sh"), b""), ("cli-proxy-api", program())), "contains a link"
    )


@pytest.mark.parametrize("device", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_a_special_file_rejects_the_archive(tmp_path: Path, device: bytes) -> None:
    assert_rejected(
        tmp_path, tar_gz((member("null", device), b""), (NAME, program())), "a device or another special file"
    )


@pytest.mark.parametrize("mode, why", [(stat.S_IFLNK, "a link"), (stat.S_IFCHR, "a device")])
def test_a_link_or_device_in_a_zip_rejects_the_archive(tmp_path: Path, mode: int, why: str) -> None:
    assert_rejected(tmp_path, zip_of((link_in_zip("x", mode), b"/bin/sh"), (NAME, program())), why)


@pytest.mark.parametrize("pack", [tar_gz, zip_of])
@pytest.mark.parametrize("name", [NAME, "padding"])
def test_a_decompression_bomb_is_rejected_in_any_member(tmp_path: Path, pack: object, name: str) -> None:
    assert callable(pack)
    bomb = pack((name, bytes(1 << 22)), ("cli-proxy-api", program()))
    assert len(bomb) < 1 << 16
    assert_rejected(tmp_path, bomb, "unpacks to more than 1 MiB", 1 << 20)


def test_a_zip_with_wrong_sizes_is_rejected(tmp_path: Path) -> None:
    bomb = bytearray(zip_of((NAME, bytes(1 << 22))))
    at = bomb.rfind(b"PK\x01\x02")
    bomb[at + 24 : at + 28] = (100).to_bytes(4, "little")
    assert_rejected(tmp_path, bytes(bomb), "damaged|more than", 1 << 20)


def test_a_very_long_member_name_is_rejected(tmp_path: Path) -> None:
    assert_rejected(
        tmp_path, tar_gz((member("x", tarfile.GNUTYPE_LONGNAME), b"a" * (1 << 21)), (NAME, b"x")), "too long"
    )


def test_a_zip_with_a_huge_central_directory_is_rejected(tmp_path: Path) -> None:
    data = bytearray(zip_of((NAME, program())))
    at = data.rfind(b"PK\x05\x06")
    data[at + 12 : at + 16] = b"\xff\xff\xff\x7f"
    assert_rejected(tmp_path, bytes(data), "too long")


def test_an_archive_without_the_program_lists_its_members(tmp_path: Path) -> None:
    assert_rejected(tmp_path, tar_gz(("README.md", b"x"), (f"deep/{NAME}", b"x")), "no program at its root.*README.md")


def test_two_programs_reject_the_archive(tmp_path: Path) -> None:
    assert_rejected(tmp_path, tar_gz((NAME, b"one"), ("cli-proxy-api", b"two")), "twice")


@pytest.mark.parametrize("end", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("pack", [tar_gz, zip_of])
def test_a_truncated_archive_is_rejected(tmp_path: Path, pack: object, end: float) -> None:
    assert callable(pack)
    data = pack((NAME, program(padding=100_000)))
    assert_rejected(tmp_path, data[: int(len(data) * end)], "damaged")


@pytest.mark.parametrize("at", [-3, -6, 5000])
def test_a_flipped_bit_is_detected(tmp_path: Path, at: int) -> None:
    data = bytearray(tar_gz((NAME, program(padding=100_000))))
    data[at] ^= 1
    assert_rejected(tmp_path, bytes(data), "damaged")


def test_a_web_page_is_reported_as_one(tmp_path: Path) -> None:
    assert_rejected(tmp_path, b"\n<!DOCTYPE html><title>Sign in</title>", "is a web page")


@pytest.mark.parametrize("data", [b"", b"nothing", gzip.compress(b"no tar", mtime=0), gzip.compress(b"", mtime=0)])
def test_other_data_is_rejected(tmp_path: Path, data: bytes) -> None:
    assert_rejected(tmp_path, data, "neither|damaged|no program")


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    (tmp_path / "out").symlink_to(tmp_path / "kept")
    with pytest.raises(DiskError):
        extract(tmp_path, tar_gz((NAME, program())))
    assert (tmp_path / "kept").read_text() == "kept"


@pytest.mark.parametrize(
    "head, found",
    [(b"\x7fELF", "program"), (b"#!/bin/sh", "program"), (b"\xcf\xfa\xed\xfe", "program"), (b"?", "unknown")],
)
def test_a_program_is_detected_by_its_first_bytes(tmp_path: Path, head: bytes, found: str) -> None:
    (tmp_path / "file").write_bytes(head)
    assert kind(tmp_path / "file") == found
