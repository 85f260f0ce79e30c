"""A misbehaving release server: the old program stays, the error has a fix, and no partial files are left."""

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
    member,
    program,
    redirects,
    release,
    serving,
    stalls,
    sums,
    tar_gz,
    times,
    truncates,
    zip_of,
)

if TYPE_CHECKING:
    from tests.unit.bootstrap.conftest import InstallStage

NAME = "cli-proxy-api-plus"
PAGE = b"<!DOCTYPE html><title>Sign in to the network</title>"


@pytest.fixture
def old(stage: InstallStage) -> InstallStage:
    """A stage with an older program."""
    return stage.install_old()


def test_a_missing_repository_shows_every_alternative_source(old: InstallStage) -> None:
    message = old.install_error()
    assert f"there is no repository {REPO} at 127.0.0.1" in message.what
    assert "inv bootstrap.download --from-file FILE" in message.fix
    assert "--source kaitranntt  (kaitranntt/CLIProxyAPIPlus v7.1.43-0" in message.fix
    assert "inv bootstrap.sources" in message.fix
    assert "not audited" in message.fix


def test_a_missing_release_is_distinguished_from_a_missing_repository(old: InstallStage) -> None:
    old.server.publish(PLATFORM)
    assert "no archive of v9.9.9" in old.install_error(version="v9.9.9").what


def test_a_renamed_archive_is_refused_with_what_the_release_lists(old: InstallStage) -> None:
    old.server.publish(PLATFORM, name="proxy-next.tar.gz")
    assert "it lists proxy-next.tar.gz" in old.install_error().what


def test_a_wrong_checksum_is_refused_and_no_mirror_is_asked(old: InstallStage) -> None:
    with serving() as mirror:
        mirror.publish(PLATFORM)
        old.server.publish(PLATFORM, listed=sums(**{f"CLIProxyAPIPlus_6.8.16-0_{PLATFORM}.tar.gz": b"other"}))
        old.bootstrap(mirrors=(mirror.base,))
        assert "but checksums.txt requires" in old.install_error().what
        assert mirror.requests == []


def test_an_archive_that_differs_from_the_pinned_digest_is_refused(old: InstallStage) -> None:
    old.server.publish(PLATFORM)
    old.bootstrap(sha256={PLATFORM: "ab" * 32})
    assert f"bootstrap.sha256.{PLATFORM}) requires {'ab' * 32}" in old.install_error().what


def test_a_release_that_changed_since_its_first_installation_is_refused(old: InstallStage) -> None:
    old.server.publish(PLATFORM)
    old.install()
    old.roll_back()
    old.server.publish(PLATFORM, release(program(padding=100)))
    message = old.install_error()
    assert "at its first installation" in message.what
    digest = sha256(release(program(padding=100))).hexdigest()
    assert f"{PLATFORM}: {digest}" in message.fix
    assert old.bootstrap(sha256={PLATFORM: digest}).install()[1]["level"] == "pinned"


def test_a_truncated_download_fails(old: InstallStage) -> None:
    old.server.misbehaviours[old.server.publish(PLATFORM)] = truncates(100, marked=False)
    assert "was cut, 5 times in a row" in old.install_error().what


def test_a_truncated_local_file_is_refused(old: InstallStage) -> None:
    assert "damaged" in old.install_error(from_file=old.local_file(release()[:-20]), allow_unverified=True).what


def test_a_connection_dropped_in_the_middle_is_resumed(old: InstallStage) -> None:
    path = old.server.publish(PLATFORM, release(program(padding=50_000)))
    old.server.misbehaviours[path] = times(2, truncates(9000))
    old.install()
    ranges = [heads.get("range") for requests, heads in old.server.requests if requests == path]
    assert ranges == [None, "bytes=9000-", "bytes=18000-"]


def test_the_retry_after_of_a_server_is_respected(old: InstallStage) -> None:
    old.server.publish(PLATFORM)
    old.server.misbehaviours[""] = times(1, answers(429, Retry_After="3"))
    old.install()
    assert old.waits == [3]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_server_with_errors_fails_after_five_attempts(old: InstallStage, status: int) -> None:
    old.server.misbehaviours[""] = answers(status)
    assert f"returned {status}, 5 times in a row" in old.install_error().what


def test_a_stalled_download_fails(old: InstallStage) -> None:
    old.server.misbehaviours[old.server.publish(PLATFORM)] = stalls
    ticks = iter(range(0, 10**6, 10))
    old.now = lambda: float(next(ticks))
    assert "is too slow" in old.install_error().what


def test_a_redirect_loop_is_refused(old: InstallStage) -> None:
    old.server.misbehaviours[""] = redirects(old.server.base)
    assert "redirects more than 5 times" in old.install_error().what


@pytest.mark.parametrize(
    "listed, why", [(PAGE, "contains no checksums"), (b"\xff\xfe", "not text"), (b"", "contains no checksums")]
)
def test_an_invalid_checksum_list_is_refused(old: InstallStage, listed: bytes, why: str) -> None:
    old.server.publish(PLATFORM, listed=listed)
    assert why in old.install_error().what


def test_a_web_page_instead_of_the_archive_is_reported(old: InstallStage) -> None:
    path = old.server.publish(PLATFORM)
    old.server.files[path] = PAGE
    assert "is a web page" in old.install_error().what


@pytest.mark.parametrize(
    "members, why",
    [
        ([(NAME, program()), ("../evil", b"x")], "contains a path outside its folder"),
        ([(NAME, program()), ("/etc/cron.d/evil", b"x")], "contains a path outside its folder"),
        ([(member(NAME, tarfile.SYMTYPE, "/bin/sh"), b"")], "contains a link"),
        ([(member(NAME, tarfile.LNKTYPE, "/bin/sh"), b"")], "contains a link"),
        ([(member(NAME, tarfile.CHRTYPE), b"")], "a device or another special file"),
        ([("README.md", b"x")], "no program at its root"),
    ],
)
def test_an_archive_with_unexpected_members_is_refused(
    old: InstallStage, members: list[tuple[str, bytes]], why: str
) -> None:
    old.server.publish(PLATFORM, tar_gz(*members))
    assert why in old.install_error().what
    assert not (old.bin.parent / "evil").exists()


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test reaches quickly."""
    monkeypatch.setattr(_fetch_archive, "LIMITS", Limits(max_bytes=1 << 20))
    monkeypatch.setattr(archive, "MAX_BYTES", 1 << 20)
    monkeypatch.setattr(install_upstream, "TRIAL_SECONDS", 0.3, raising=False)


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("pack", [tar_gz, zip_of])
def test_an_archive_bomb_is_refused(old: InstallStage, pack: Callable[..., bytes]) -> None:
    bomb = pack((NAME, bytes(1 << 22)))
    name = f"CLIProxyAPIPlus_6.8.16-0_{PLATFORM}" + (".zip" if pack is zip_of else ".tar.gz")
    old.server.publish(PLATFORM, bomb, name=name)
    assert "unpacks to more than 1 MiB" in old.install_error().what


@pytest.mark.usefixtures("small_bounds")
def test_a_too_large_archive_is_refused(old: InstallStage) -> None:
    old.server.publish(PLATFORM, release(program(padding=2_000_000)))
    assert "more than 1 MiB" in old.install_error().what


@pytest.mark.parametrize(
    "then, why",
    [("exit 3", "exit code 3"), ("kill -SEGV $$", "signal 11")],
)
def test_a_program_that_crashes_is_refused_with_its_output(old: InstallStage, then: str, why: str) -> None:
    old.server.publish(PLATFORM, release(program(then=then)))
    message = old.install_error()
    assert isinstance(message, NotReady)
    assert why in message.what
    assert "CLIProxyAPI Version" in message.log[0]


def test_a_program_that_reports_no_version_is_refused(old: InstallStage) -> None:
    old.server.publish(PLATFORM, release(b"#!/bin/sh\necho hello\n"))
    assert "did not report it" in old.install_error().what


def test_a_program_for_another_machine_is_refused(old: InstallStage) -> None:
    old.server.publish(PLATFORM, release(b"\x7fELF" + bytes(100)))
    message = old.install_error()
    assert isinstance(message, ProgramMissing)
    assert "the new program is not a program for this machine" in message.what


@pytest.mark.usefixtures("small_bounds")
@pytest.mark.parametrize("then", ["exec sleep 60", "exec yes"])
def test_a_program_that_hangs_or_prints_endlessly_is_killed(old: InstallStage, then: str) -> None:
    old.server.publish(PLATFORM, release(program(then=then)))
    assert "did not exit" in old.install_error().what


def test_the_errors_of_all_addresses_are_reported(old: InstallStage) -> None:
    with serving() as mirror:
        message = old.bootstrap(mirrors=(mirror.base,)).install_error()
    assert isinstance(message, MultipleErrors)
    assert [REPO in fault.what for fault in message.errors] == [True, True]
    assert message.code == 3


def test_a_first_install_that_fails_leaves_no_program(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM, release(program(then="exit 3")), tag=TAG)
    before = stage.tree()
    with pytest.raises(NotReady):
        stage.install()
    assert {path for path in stage.tree() if path not in before} <= {
        str(stage.bin),
        str(stage.runtime),
        str(stage.runtime.parent),
    }
