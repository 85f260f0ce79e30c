"""Known sources of CLIProxyAPIPlus: listed, installed by name, pinned at their first use."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.cli.bootstrap_sources import source_row
from flowgate.errors import EnvironmentFailure, UnknownName, UsageError
from flowgate.gateway import upstream_command
from flowgate.gateway.upstream_sources import LINES, SOURCES, UpstreamSource, changes, named
from tests.conftest import Workspace
from tests.unit.bootstrap.conftest import PLATFORM
from tests.unit.bootstrap.releases import program, release

if TYPE_CHECKING:
    from tests.unit.bootstrap.conftest import InstallStage

RECORDED = Path(__file__).parents[2] / "contract" / "data"
ANSWERS = dict(zip(LINES, ("v6.8.16-0", "v7.2.101-1", "v7.2.137-9", "mainline-v7.2.140"), strict=True))
ALIVE = [one for one in SOURCES if not one.until]
PREFIX = {"plusplus": "cliproxyapi-plusplus", "mainline": "CLIProxyAPI"}


def published(stage: InstallStage, one: UpstreamSource, *, text: str = "exit 0") -> tuple[str, bytes]:
    """Publish the release of a source as that source names its archives; return the archive's name and content."""
    number = one.version.removeprefix("v")
    name = f"{PREFIX.get(one.name, 'CLIProxyAPIPlus')}_{number}_{PLATFORM}.tar.gz"
    archive = release(program(number, text))
    stage.server.publish(PLATFORM, archive, repo=one.repo, tag=one.version, name=name)
    return name, archive


@pytest.mark.parametrize("one", ALIVE, ids=lambda one: one.name)
def test_a_source_is_installed_by_its_name_and_its_digest_is_pinned(stage: InstallStage, one: UpstreamSource) -> None:
    name, archive = published(stage, one)
    _, facts = stage.install(source=one.name)
    assert (facts["source"], facts["version"], facts["level"]) == (one.repo, one.version, "checksums.txt")
    digest = sha256(archive).hexdigest()
    assert stage.lock()["seen"] == {f"{one.repo}@{one.version}/{name}": digest}
    assert [line for line in stage.messages if line.startswith("first use of") and digest in line]
    assert [line for line in stage.messages if f"repo: {one.repo}, version: {one.version}" in line]


def test_another_digest_later_is_refused_and_the_pin_is_shown_once(stage: InstallStage) -> None:
    one = named("mainline")
    published(stage, one)
    stage.install(source="mainline")
    stage.messages.clear()
    (stage.bin / "CLIProxyAPIPlus").write_text("damaged")
    published(stage, one, text="exit 0 # another build")
    with pytest.raises(EnvironmentFailure, match="at its first installation it was"):
        stage.install(source="mainline")
    assert not [line for line in stage.messages if "first use" in line]


def test_a_version_of_a_source_can_be_named(stage: InstallStage) -> None:
    one = named("community")
    archive = release(program("7.2.101-1"))
    stage.server.publish(PLATFORM, archive, repo=one.repo, tag="v7.2.101-1")
    assert stage.install(source="community", version="v7.2.101-1")[1]["version"] == "v7.2.101-1"


@pytest.mark.parametrize(
    "params", [{"source": "mainline", "repo": "a/b"}, {"source": "mainline", "from_file": "x"}, {"source": "original"}]
)
def test_a_source_excludes_another_one_and_must_be_alive(stage: InstallStage, params: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        stage.install(**params)
    assert stage.server.requests == []


@pytest.mark.parametrize("word", ["main", "Mainline", "router-for-me/CLIProxyAPI", "latest", "-"])
def test_an_unknown_source_is_refused(stage: InstallStage, word: str) -> None:
    with pytest.raises(UnknownName, match="source"):
        stage.install(source=word)


def test_without_a_word_no_other_source_is_tried(stage: InstallStage) -> None:
    for one in ALIVE:
        published(stage, one)
    with pytest.raises(EnvironmentFailure, match="there is no repository router-for-me/CLIProxyAPIPlus"):
        stage.install()
    assert not [path for path, _ in stage.server.requests if any(path.startswith(f"/{one.repo}/") for one in ALIVE)]


@pytest.mark.parametrize("line", LINES)
def test_the_status_of_unknown_models_is_the_recorded_one(line: str) -> None:
    answers = json.loads((RECORDED / f"{ANSWERS[line]}.answers.json").read_text())
    assert answers["chat.unknown_model"]["status"] == LINES[line].unknown_model


@pytest.mark.parametrize("line", [line for line in LINES if LINES[line].in_cooldown])
def test_the_status_during_a_cooldown_is_the_recorded_one(line: str) -> None:
    flows = json.loads((RECORDED / f"{ANSWERS[line]}.flows.json").read_text())
    assert flows["chat.500.third"]["status"] == LINES[line].in_cooldown


@pytest.mark.parametrize("line", upstream_command.LINES)
def test_a_line_whose_cooldown_can_be_set_knows_the_setting(line: str) -> None:
    text = (Path(upstream_command.__file__).parent / "data" / "cliproxy_settings.json").read_text()
    known = json.loads(text)["transient-error-cooldown-seconds"].split()[1:]
    assert any("transient-error-cooldown-seconds" in one for one in changes(line)) == (line in known)


def test_what_was_not_recorded_is_said_to_be_unknown() -> None:
    row = source_row(named("kaitranntt"))
    assert (row["line"], row["providers"]) == ("", [])
    assert "not known" in row["changes"][0]
    assert {source_row(one)["vouches"] for one in SOURCES} == {"nobody"}


def test_the_command_lists_every_source_without_a_config(workspace: Workspace) -> None:
    workspace.config.unlink()
    found = workspace.json("bootstrap.sources")["sources"]
    assert [one["name"] for one in found] == [one.name for one in SOURCES]
    assert not [one for one in found if one["until"] and one["command"]]
    assert "nobody vouches" in workspace.inv("bootstrap.sources").stderr


def test_the_command_line_takes_a_source(workspace: Workspace) -> None:
    assert "mainline" in workspace.inv("bootstrap.download", "--source", "mainlin", code=2).stderr
