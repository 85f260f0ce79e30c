"""A release server that misbehaves: the old program works on, the way out is named, nothing half is left."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest

from flowgate.errors import MultipleErrors, NotReady, ProgramMissing
from flowgate.steps import _fetch_archive, install_upstream
from flowgate.system import archive
from flowgate.system.fetch import Limits
from tests.unit.bootstrap.conftest import PLATFORM
from tests.unit.bootstrap.releases import (
    REPO,
    TAG,
    answers,
    cuts,
    drips,
    member,
    program,
    redirects,
    release,
    serving,
    sums,
    tar_gz,
    times,
    zip_of,
)

if TYPE_CHECKING:
    from tests.unit.bootstrap.conftest import Yard

NAME = "cli-proxy-api-plus"
PAGE = b"<!DOCTYPE html><title>Sign in to the network</title>"


@pytest.fixture
def old(yard: Yard) -> Yard:
    """An older program is in place."""
    return yard.with_old()


def test_a_lost_repository_names_every_way_out(old: Yard) -> None:
    message = old.refused()
    assert f"there is no repository {REPO} at 127.0.0.1" in message.what
    assert "inv bootstrap.download --from-file FILE" in message.fix
    assert "--cliproxy-repo kaitranntt/CLIProxyAPIPlus --cliproxy-version v7.1.43-0" in message.fix
    assert "not audited" in message.fix


def test_a_lost_release_is_told_from_a_lost_repository(old: Yard) -> None:
    old.server.publish(PLATFORM)
    assert "no archive of v9.9.9" in old.refused(version="v9.9.9").what


def test_a_renamed_archive_is_refused_with_what_the_release_lists(old: Yard) -> None:
    old.server.publish(PLATFORM, name="proxy-next.tar.gz")
    assert "it lists proxy-next.tar.gz" in old.refused().what


def test_a_wrong_checksum_is_refused_and_no_mirror_is_asked(old: Yard) -> None:
    with serving() as mirror:
        mirror.publish(PLATFORM)
        old.server.publish(PLATFORM, listed=sums(**{f"CLIProxyAPIPlus_6.8.16-0_{PLATFORM}.tar.gz": b"other"}))
        old.bootstrap(mirrors=(mirror.base,))
        assert "but checksums.txt requires" in old.refused().what
        assert mirror.asked == []


def test_an_archive_other_than_the_pinned_one_is_refused(old: Yard) -> None:
    old.server.publish(PLATFORM)
    old.bootstrap(sha256={PLATFORM: "ab" * 32})
    assert f"bootstrap.sha256.{PLATFORM}) requires {'ab' * 32}" in old.refused().what


def test_a_release_that_changed_since_it_was_first_installed_is_refused(old: Yard) -> None:
    old.server.publish(PLATFORM)
    old.install()
    old.roll_back()
    old.server.publish(PLATFORM, release(program(padding=100)))
    message = old.refused()
    assert "at its first installation" in message.what
    digest = sha256(release(program(padding=100))).hexdigest()
    assert f"{PLATFORM}: {digest}" in message.fix
    assert old.bootstrap(sha256={PLATFORM: digest}).install()[1]["level"] == "pinned"


def test_a_truncated_archive_is_given_up(old: Yard) -> None:
    old.server.tricks[old.server.publish(PLATFORM)] = cuts(100, marked=False)
    assert "was cut, 5 times in a row" in old.refused().what


def test_a_truncated_file_of_ones_own_is_refused(old: Yard) -> None:
    assert "damaged" in old.refused(from_file=old.own_file(release()[:-20]), allow_unverified=True).what


def test_a_connection_dropped_in_the_middle_is_resumed(old: Yard) -> None:
    path = old.server.publish(PLATFORM, release(program(padding=50_000)))
    old.server.tricks[path] = times(2, cuts(9000))
    old.install()
    ranges = [heads.get("range") for asked, heads in old.server.asked if asked == path]
    assert ranges == [None, "bytes=9000-", "bytes=18000-"]


def test_a_server_that_asks_to_wait_is_waited_for(old: Yard) -> None:
    old.server.publish(PLATFORM)
    old.server.tricks[""] = times(1, answers(429, Retry_After="3"))
    old.install()
    assert old.naps == [3]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_with_errors_is_given_up_after_five_tries(old: Yard, status: int) -> None:
    old.server.tricks[""] = answers(status)
    assert f"answered {status}, 5 times in a row" in old.refused().what


def test_a_server_that_drips_is_given_up(old: Yard) -> None:
    old.server.tricks[old.server.publish(PLATFORM)] = drips
    ticks = iter(range(0, 10**6, 10))
    old.now = lambda: float(next(ticks))
    assert "sends almost nothing" in old.refused().what


def test_a_redirect_in_a_circle_is_given_up(old: Yard) -> None:
    old.server.tricks[""] = redirects(old.server.base)
    assert "circle" in old.refused().what


@pytest.mark.parametrize(
    "listed, why", [(PAGE, "contains no checksums"), (b"\xff\xfe", "not text"), (b"", "no checksums")]
)
def test_a_page_or_junk_instead_of_the_list_is_refused(old: Yard, listed: bytes, why: str) -> None:
    old.server.publish(PLATFORM, listed=listed)
    assert why in old.refused().what


def test_a_page_instead_of_the_archive_is_called_a_page(old: Yard) -> None:
    path = old.server.publish(PLATFORM)
    old.server.files[path] = PAGE
    assert "is a web page" in old.refused().what


@pytest.mark.parametrize(
    "members, why",
    [
        ([(NAME, program()), ("../evil", b"x")], "leads out of its folder"),
        ([(NAME, program()), ("/etc/cron.d/evil", b"x")], "leads out of its folder"),
        ([(member(NAME, tarfile.SYMTYPE, "/bin/sh"), b"")], "holds a link"),
        ([(member(NAME, tarfile.LNKTYPE, "/bin/sh"), b"")], "holds a link"),
        ([(member(NAME, tarfile.CHRTYPE), b"")], "no file"),
        ([("README.md", b"x")], "no program at its root"),
    ],
)
def test_an_archive_no_release_would_make_is_refused(old: Yard, members: list[tuple[str, bytes]], why: str) -> None:
    old.server.publish(PLATFORM, tar_gz(*members))
    assert why in old.refused().what
    assert not (old.bin.parent / "evil").exists()


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test reaches quickly."""
    monkeypatch.setattr(_fetch_archive, "LIMITS", Limits(max_bytes=1 << 20))
    monkeypatch.setattr(archive, "MOST_BYTES", 1 << 20)
    monkeypatch.setattr(install_upstream, "TRIAL_SECONDS", 0.3, raising=False)


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("pack", [tar_gz, zip_of])
def test_a_bomb_is_refused(old: Yard, pack: Callable[..., bytes]) -> None:
    bomb = pack((NAME, bytes(1 << 22)))
    name = f"CLIProxyAPIPlus_6.8.16-0_{PLATFORM}" + (".zip" if pack is zip_of else ".tar.gz")
    old.server.publish(PLATFORM, bomb, name=name)
    assert "unpacks to more than 1 MiB" in old.refused().what


@pytest.mark.usefixtures("small_bounds")
def test_an_archive_beyond_all_bounds_is_refused(old: Yard) -> None:
    old.server.publish(PLATFORM, release(program(padding=2_000_000)))
    assert "more than 1 MiB" in old.refused().what


@pytest.mark.parametrize(
    "then, why",
    [("exit 3", "exit code 3"), ("kill -SEGV $$", "signal 11")],
)
def test_a_program_that_crashes_at_its_version_line_is_refused_with_what_it_said(
    old: Yard, then: str, why: str
) -> None:
    old.server.publish(PLATFORM, release(program(then=then)))
    message = old.refused()
    assert isinstance(message, NotReady)
    assert why in message.what
    assert "CLIProxyAPI Version" in message.log[0]


def test_a_program_that_says_no_version_is_refused(old: Yard) -> None:
    old.server.publish(PLATFORM, release(b"#!/bin/sh\necho hello\n"))
    assert "never said" in old.refused().what


def test_a_program_for_another_machine_is_refused(old: Yard) -> None:
    old.server.publish(PLATFORM, release(b"\x7fELF" + bytes(100)))
    message = old.refused()
    assert isinstance(message, ProgramMissing)
    assert "the new program is no program for this machine" in message.what


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("then", ["exec sleep 60", "exec yes"])
def test_a_program_that_hangs_or_never_stops_talking_is_ended(old: Yard, then: str) -> None:
    old.server.publish(PLATFORM, release(program(then=then)))
    assert "did not end by itself" in old.refused().what


def test_several_addresses_that_refuse_are_all_named(old: Yard) -> None:
    with serving() as mirror:
        message = old.bootstrap(mirrors=(mirror.base,)).refused()
    assert isinstance(message, MultipleErrors)
    assert [REPO in fault.what for fault in message.errors] == [True, True]
    assert message.code == 3


def test_a_first_install_that_fails_leaves_no_program(yard: Yard) -> None:
    yard.server.publish(PLATFORM, release(program(then="exit 3")), tag=TAG)
    before = yard.tree()
    with pytest.raises(NotReady):
        yard.install()
    assert {path for path in yard.tree() if path not in before} <= {
        str(yard.bin),
        str(yard.runtime),
        str(yard.runtime.parent),
    }
