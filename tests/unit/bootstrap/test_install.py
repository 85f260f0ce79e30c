from __future__ import annotations

import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.errors import ProgramMissing
from flowgate.gateway.release_assets import archive_names
from flowgate.step import Change
from flowgate.steps.download import download
from tests.unit.bootstrap.conftest import OLD, PLATFORM
from tests.unit.bootstrap.releases import TAG, program, redirects, release, serving, sums, zip_of
from tests.unit.steps.conftest import fake_program

if TYPE_CHECKING:
    from tests.unit.bootstrap.conftest import InstallStage

NEW = "6.8.16-0-plus"


def test_a_release_is_installed_verified_and_recorded(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM)
    status, facts = stage.install()
    assert (status, facts["level"], stage.installed_version()) == ("changed", "checksums.txt", NEW)
    lock = stage.lock()
    assert (lock["version"], lock["source"]) == (TAG, "router-for-me/CLIProxyAPIPlus")
    assert (lock["archive_sha256"], lock["binary_sha256"]) == tuple(
        sha256(x).hexdigest() for x in (release(), program())
    )


def test_only_the_program_and_its_lock_file_remain_and_both_are_private(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM)
    stage.install()
    modes = {path.name: oct(stat.S_IMODE(path.stat().st_mode)) for path in stage.bin.iterdir()}
    assert modes == {"CLIProxyAPIPlus": "0o700", "CLIProxyAPIPlus.lock": "0o600"}


def test_a_second_run_sends_no_request(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM)
    stage.install()
    stage.server.requests.clear()
    assert stage.install()[0] == "unchanged"
    assert stage.server.requests == []


@pytest.mark.parametrize("index", range(len(archive_names(TAG, PLATFORM))))
def test_every_known_naming_scheme_is_installed(stage: InstallStage, index: int) -> None:
    name = archive_names(TAG, PLATFORM)[index]
    archive = zip_of(("cli-proxy-api", program())) if name.endswith(".zip") else release(name="cli-proxy-api")
    stage.server.publish(PLATFORM, archive, name=name)
    assert stage.install()[1]["level"] == "checksums.txt"
    assert stage.lock()["asset"] == name


def test_an_update_keeps_the_previous_version_and_rollback_restores_it(stage: InstallStage) -> None:
    stage.install_old().server.publish(PLATFORM)
    stage.install()
    assert stage.installed_version() == NEW
    assert stage.roll_back()["version"] == OLD
    assert (stage.installed_version(), stage.lock()["version"]) == (OLD, OLD)
    stage.roll_back()
    assert (stage.installed_version(), stage.lock()["version"]) == (NEW, TAG)


def test_a_damaged_program_is_replaced_and_does_not_become_the_previous_one(stage: InstallStage) -> None:
    stage.install_old().server.publish(PLATFORM)
    stage.install()
    (stage.bin / "CLIProxyAPIPlus").write_text("damaged")
    assert (stage.install()[0], stage.installed_version()) == ("changed", NEW)
    assert stage.roll_back()["version"] == OLD


def test_a_pinned_digest_has_precedence(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM, listed=b"")
    stage.server.files.pop(next(path for path in stage.server.files if path.endswith("checksums.txt")))
    stage.bootstrap(sha256={PLATFORM: sha256(release()).hexdigest()})
    assert stage.install()[1]["level"] == "pinned"


def test_an_unverified_release_is_installed_only_on_request(stage: InstallStage) -> None:
    del stage.install_old().server.files[stage.server.publish(PLATFORM).rpartition("/")[0] + "/checksums.txt"]
    assert "--allow-unverified" in stage.install_error().fix
    assert stage.shown == []
    assert stage.install(allow_unverified=True)[1]["level"] == "none"


def test_a_mirror_is_used_after_the_repository(stage: InstallStage) -> None:
    with serving() as mirror:
        mirror.publish(PLATFORM)
        stage.bootstrap(mirrors=(mirror.base,))
        stage.install()
    assert stage.installed_version() == NEW
    assert stage.server.requests


def test_only_configured_mirrors_are_used(stage: InstallStage) -> None:
    stage.install_old().install_error()
    assert {path.split("/")[1] for path, _ in stage.server.requests} == {"router-for-me"}


def test_a_redirect_to_another_host_is_followed(stage: InstallStage) -> None:
    with serving() as other:
        path = stage.server.publish(PLATFORM)
        other.files |= stage.server.files
        stage.server.misbehaviours[path] = redirects(other.base.replace("127.0.0.1", "localhost"))
        stage.install()
    assert stage.installed_version() == NEW


def test_the_token_is_sent_only_to_github(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM)
    stage.install()
    assert "ghp_canary" not in str(stage.server.requests)


def test_progress_is_shown_only_for_the_archive(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM)
    stage.install()
    assert {name for name, _, _ in stage.shown} == {f"CLIProxyAPIPlus_6.8.16-0_{PLATFORM}.tar.gz"}


def test_version_and_repository_can_be_given(stage: InstallStage) -> None:
    archive = release(program("7.1.43-0"))
    stage.server.publish(PLATFORM, archive, repo="me/fork", tag="v7.1.43-0")
    stage.install(repo="me/fork", version="7.1.43-0")
    assert (stage.lock()["source"], stage.lock()["version"]) == ("me/fork", "v7.1.43-0")


def test_a_program_that_reports_another_version_causes_a_warning(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM, release(program("dev")))
    stage.install()
    assert any("reports version dev" in message for message in stage.messages)


# --- local files


@pytest.mark.parametrize("data", [release(), zip_of(("CLIProxyAPI", program())), program()])
def test_a_local_file_may_be_an_archive_or_the_program(stage: InstallStage, data: bytes) -> None:
    file = stage.local_file(data)
    stage.install(from_file=file, allow_unverified=True, offline=True)
    assert (stage.installed_version(), stage.lock()["version"], stage.lock()["source"]) == (NEW, NEW, file)
    assert Path(file).read_bytes() == data
    assert stage.install(from_file=file)[0] == "unchanged"
    assert stage.server.requests == []


def test_a_checksum_list_beside_the_file_verifies_it(stage: InstallStage) -> None:
    (stage.folder / "checksums.txt").write_bytes(sums(**{"own.tar.gz": release()}))
    assert stage.install(from_file=stage.local_file())[1]["level"] == "checksums.txt"


def test_the_file_of_the_config_is_used_by_default(stage: InstallStage) -> None:
    digest = sha256(release()).hexdigest()
    stage.bootstrap(file=Path(stage.local_file()), sha256={PLATFORM: digest})
    assert stage.install()[1]["level"] == "pinned"


def test_offline_without_a_file_is_refused_without_a_request(stage: InstallStage) -> None:
    stage.install_old().server.publish(PLATFORM)
    assert "--from-file" in stage.install_error(offline=True).fix
    assert stage.server.requests == []


def test_a_missing_file_is_a_usage_error(stage: InstallStage) -> None:
    assert stage.install_old().install_error(from_file="/nowhere/x.tar.gz").code == 2


# --- messages


def test_with_the_embedded_upstream_a_note_explains_how_to_use_the_program(stage: InstallStage) -> None:
    stage.install_old()
    assert any("embedded upstream" in message for message in stage.messages)


def test_a_running_old_version_is_reported_with_the_restart_command(stage: InstallStage) -> None:
    stage.configure(program=".router/runtime/bin/CLIProxyAPIPlus").supervisor.run("cliproxyapi_plus")
    stage.install_old()
    assert any("inv service.restart --service cliproxyapi_plus" in message for message in stage.messages)


OWN_PROGRAM = ".router/runtime/bin/CLIProxyAPIPlus"


def test_a_missing_program_is_installed_by_a_run_if_the_config_names_a_source(stage: InstallStage) -> None:
    stage.server.publish(PLATFORM)
    stage.configure(program=OWN_PROGRAM)
    stage.bootstrap()
    before = stage.tree()
    planned = download(stage.context().read_only())
    assert isinstance(planned, Change)
    assert (planned.summary.startswith(f"install {TAG}"), stage.tree() == before) == (True, True)
    stage.apply(download)
    assert stage.installed_version() == NEW
    assert stage.apply(download)[0] == "unchanged"


def test_a_missing_program_is_an_error_if_the_config_names_no_source(stage: InstallStage) -> None:
    stage.configure(program=OWN_PROGRAM)
    with pytest.raises(ProgramMissing):
        download(stage.context().read_only())
    assert stage.server.requests == []


def test_the_trial_run_gets_no_keys(stage: InstallStage) -> None:
    stage.environment["UPSTREAM_API_KEY"] = "sk-canary"
    spy = program(then=f"env > {stage.folder}/seen; pwd >> {stage.folder}/seen")
    stage.install(from_file=stage.local_file(spy), allow_unverified=True)
    seen = (stage.folder / "seen").read_text()
    assert "canary" not in seen
    assert str(stage.bin) in seen


def test_looking_touches_nothing(stage: InstallStage) -> None:
    from flowgate.steps.install_upstream import install_upstream

    before = stage.tree()
    install_upstream(stage.context().read_only(), version="v1")
    assert stage.tree() == before
    assert stage.server.requests == []


def test_an_unrecorded_program_is_replaced_and_kept(stage: InstallStage) -> None:
    fake_program(stage.bin / "CLIProxyAPIPlus")
    stage.server.publish(PLATFORM)
    stage.install()
    assert stage.installed_version() == NEW
    assert (stage.bin / "CLIProxyAPIPlus.previous").is_file()


def test_leftovers_of_a_killed_command_are_deleted(stage: InstallStage) -> None:
    fake_program(stage.bin / ".CLIProxyAPIPlus.staging" / "program")
    stage.server.publish(PLATFORM)
    stage.install()
    assert not (stage.bin / ".CLIProxyAPIPlus.staging").exists()
