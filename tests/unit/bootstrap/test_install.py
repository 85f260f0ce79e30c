from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.gateway.release_assets import archive_names
from tests.unit.bootstrap.conftest import OLD, PLATFORM
from tests.unit.bootstrap.releases import TAG, program, redirects, release, serving, sums, zip_of
from tests.unit.steps.conftest import fake_program

if TYPE_CHECKING:
    from tests.unit.bootstrap.conftest import Yard

NEW = "6.8.16-0-plus"


def test_a_release_is_installed_verified_and_recorded(yard: Yard) -> None:
    yard.server.publish(PLATFORM)
    status, facts = yard.install()
    assert (status, facts["level"], yard.runs()) == ("changed", "checksums.txt", NEW)
    lock = yard.lock()
    assert (lock["version"], lock["source"]) == (TAG, "router-for-me/CLIProxyAPIPlus")
    assert (lock["archive_sha256"], lock["binary_sha256"]) == tuple(
        sha256(x).hexdigest() for x in (release(), program())
    )


def test_only_the_program_and_its_lock_file_remain_and_both_are_private(yard: Yard) -> None:
    yard.server.publish(PLATFORM)
    yard.install()
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in yard.bin.iterdir()}
    assert modes == {"CLIProxyAPIPlus": "0o700", "CLIProxyAPIPlus.lock": "0o600"}


def test_a_second_run_sends_no_request(yard: Yard) -> None:
    yard.server.publish(PLATFORM)
    yard.install()
    yard.server.asked.clear()
    assert yard.install()[0] == "unchanged"
    assert yard.server.asked == []


@pytest.mark.parametrize("index", range(len(archive_names(TAG, PLATFORM))))
def test_every_known_naming_scheme_is_installed(yard: Yard, index: int) -> None:
    name = archive_names(TAG, PLATFORM)[index]
    archive = zip_of(("cli-proxy-api", program())) if name.endswith(".zip") else release(name="cli-proxy-api")
    yard.server.publish(PLATFORM, archive, name=name)
    assert yard.install()[1]["level"] == "checksums.txt"
    assert yard.lock()["asset"] == name


def test_an_update_keeps_the_previous_version_and_rollback_restores_it(yard: Yard) -> None:
    yard.with_old().server.publish(PLATFORM)
    yard.install()
    assert yard.runs() == NEW
    assert yard.roll_back()["version"] == OLD
    assert (yard.runs(), yard.lock()["version"]) == (OLD, OLD)
    yard.roll_back()
    assert (yard.runs(), yard.lock()["version"]) == (NEW, TAG)


def test_a_damaged_program_is_replaced_and_does_not_become_the_previous_one(yard: Yard) -> None:
    yard.with_old().server.publish(PLATFORM)
    yard.install()
    (yard.bin / "CLIProxyAPIPlus").write_text("damaged")
    assert (yard.install()[0], yard.runs()) == ("changed", NEW)
    assert yard.roll_back()["version"] == OLD


def test_a_pinned_digest_has_precedence(yard: Yard) -> None:
    yard.server.publish(PLATFORM, listed=b"")
    yard.server.files.pop(next(path for path in yard.server.files if path.endswith("checksums.txt")))
    yard.bootstrap(sha256={PLATFORM: sha256(release()).hexdigest()})
    assert yard.install()[1]["level"] == "pinned"


def test_an_unverified_release_is_installed_only_on_request(yard: Yard) -> None:
    del yard.with_old().server.files[yard.server.publish(PLATFORM).rpartition("/")[0] + "/checksums.txt"]
    assert "--allow-unverified" in yard.refused().fix
    assert yard.shown == []
    assert yard.install(allow_unverified=True)[1]["level"] == "none"


def test_a_mirror_is_used_after_the_repository(yard: Yard) -> None:
    with serving() as mirror:
        mirror.publish(PLATFORM)
        yard.bootstrap(mirrors=(mirror.base,))
        yard.install()
    assert yard.runs() == NEW
    assert yard.server.asked


def test_only_configured_mirrors_are_used(yard: Yard) -> None:
    yard.with_old().refused()
    assert {path.split("/")[1] for path, _ in yard.server.asked} == {"router-for-me"}


def test_a_redirect_to_another_host_is_followed(yard: Yard) -> None:
    with serving() as other:
        path = yard.server.publish(PLATFORM)
        other.files |= yard.server.files
        yard.server.tricks[path] = redirects(other.base.replace("127.0.0.1", "localhost"))
        yard.install()
    assert yard.runs() == NEW


def test_the_token_is_sent_only_to_github(yard: Yard) -> None:
    yard.server.publish(PLATFORM)
    yard.install()
    assert "ghp_canary" not in str(yard.server.asked)


def test_progress_is_shown_only_for_the_archive(yard: Yard) -> None:
    yard.server.publish(PLATFORM)
    yard.install()
    assert {name for name, _, _ in yard.shown} == {f"CLIProxyAPIPlus_6.8.16-0_{PLATFORM}.tar.gz"}


def test_version_and_repository_can_be_given(yard: Yard) -> None:
    archive = release(program("7.1.43-0"))
    yard.server.publish(PLATFORM, archive, repo="me/fork", tag="v7.1.43-0")
    yard.install(repo="me/fork", version="7.1.43-0")
    assert (yard.lock()["source"], yard.lock()["version"]) == ("me/fork", "v7.1.43-0")


def test_a_program_that_reports_another_version_causes_a_warning(yard: Yard) -> None:
    yard.server.publish(PLATFORM, release(program("dev")))
    yard.install()
    assert any("reports version dev" in message for message in yard.told)


# --- files of one's own


@pytest.mark.parametrize("data", [release(), zip_of(("CLIProxyAPI", program())), program()])
def test_a_local_file_may_be_an_archive_or_the_program(yard: Yard, data: bytes) -> None:
    file = yard.own_file(data)
    yard.install(from_file=file, allow_unverified=True, offline=True)
    assert (yard.runs(), yard.lock()["version"], yard.lock()["source"]) == (NEW, NEW, file)
    assert Path(file).read_bytes() == data
    assert yard.install(from_file=file)[0] == "unchanged"
    assert yard.server.asked == []


def test_a_checksum_list_beside_the_file_verifies_it(yard: Yard) -> None:
    (yard.folder / "checksums.txt").write_bytes(sums(**{"own.tar.gz": release()}))
    assert yard.install(from_file=yard.own_file())[1]["level"] == "checksums.txt"


def test_the_file_of_the_config_is_used_by_default(yard: Yard) -> None:
    digest = sha256(release()).hexdigest()
    yard.bootstrap(file=Path(yard.own_file()), sha256={PLATFORM: digest})
    assert yard.install()[1]["level"] == "pinned"


def test_offline_without_a_file_is_refused_without_a_request(yard: Yard) -> None:
    yard.with_old().server.publish(PLATFORM)
    assert "--from-file" in yard.refused(offline=True).fix
    assert yard.server.asked == []


def test_a_missing_file_is_a_usage_error(yard: Yard) -> None:
    assert yard.with_old().refused(from_file="/nowhere/x.tar.gz").code == 2


# --- what people are told


def test_with_the_embedded_upstream_a_note_explains_how_to_use_the_program(yard: Yard) -> None:
    yard.with_old()
    assert any("embedded upstream" in message for message in yard.told)


def test_a_running_old_version_is_reported_with_the_restart_command(yard: Yard) -> None:
    yard.configure(program=".router/runtime/bin/CLIProxyAPIPlus").supervisor.run("cliproxyapi_plus")
    yard.with_old()
    assert any("inv service.restart --service cliproxyapi_plus" in message for message in yard.told)


def test_the_trial_run_gets_no_keys(yard: Yard) -> None:
    yard.environment["UPSTREAM_API_KEY"] = "sk-canary"
    spy = program(then=f"env > {yard.folder}/seen; pwd >> {yard.folder}/seen")
    yard.install(from_file=yard.own_file(spy), allow_unverified=True)
    seen = (yard.folder / "seen").read_text()
    assert "canary" not in seen
    assert str(yard.bin) in seen


def test_looking_touches_nothing(yard: Yard) -> None:
    from flowgate.steps.install_upstream import install_upstream

    before = yard.tree()
    install_upstream(yard.context().read_only(), version="v1")
    assert yard.tree() == before
    assert yard.server.asked == []


def test_an_unrecorded_program_is_replaced_and_kept(yard: Yard) -> None:
    fake_program(yard.bin / "CLIProxyAPIPlus")
    yard.server.publish(PLATFORM)
    yard.install()
    assert yard.runs() == NEW
    assert (yard.bin / "CLIProxyAPIPlus.previous").is_file()


def test_leftovers_of_a_killed_command_are_deleted(yard: Yard) -> None:
    fake_program(yard.bin / ".CLIProxyAPIPlus.staging" / "program")
    yard.server.publish(PLATFORM)
    yard.install()
    assert not (yard.bin / ".CLIProxyAPIPlus.staging").exists()
