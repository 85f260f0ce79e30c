"""Installing from a package index: release age, credentials, and an index that is down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowgate.errors import FlowGateError, Unreachable
from flowgate.litellm_versions import offers
from tests.unit.litellm_versions.conftest import VersionStage
from tests.unit.litellm_versions.index import Index, serving
from tests.unit.litellm_versions.wheels import Wheel, litellm

NOW = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
OLD = (datetime.now(UTC) - timedelta(days=4)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture
def index(versions: VersionStage, tmp_path: Path) -> Iterator[Index]:
    """An index that offers 1.108.77 (old) and 1.108.99 (of today)."""
    versions.offer(litellm("1.108.99"))
    with serving(Index(versions.wheels, {litellm("1.108.99").file_name: NOW, litellm().file_name: OLD})) as found:
        versions.environment |= {"UV_DEFAULT_INDEX": found.url, "UV_CACHE_DIR": str(tmp_path / "cache")}
        yield found


def test_a_release_of_today_is_not_taken_by_itself(versions: VersionStage, index: Index) -> None:
    assert versions.install("", wheelhouse="")[1]["version"] == "1.108.77"


def test_a_release_of_today_is_taken_by_its_name(versions: VersionStage, index: Index) -> None:
    assert versions.install("1.108.99", wheelhouse="")[1]["version"] == "1.108.99"


def test_a_young_package_beside_it_is_refused_and_named(versions: VersionStage, index: Index) -> None:
    versions.offer(litellm("1.108.99", "helper==1"), Wheel("helper", "1"))
    index.times = {Wheel("helper", "1").file_name: NOW}
    with pytest.raises(FlowGateError, match=r"helper.*younger than 3 days were left out") as caught:
        versions.install("1.108.99", wheelhouse="")
    assert caught.value.code == 3


def test_an_index_without_upload_times_is_used_with_a_warning(versions: VersionStage, index: Index) -> None:
    index.times = None
    assert versions.install("", wheelhouse="")[1]["version"] == "1.108.99"
    assert "gives no upload times" in versions.messages[0]


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_the_users_own_index_is_used_with_its_password(versions: VersionStage, index: Index, variable: str) -> None:
    index.password = "geheim"
    del versions.environment["UV_DEFAULT_INDEX"]
    versions.environment[variable] = index.url.replace("//", "//me:geheim@")
    assert versions.install(wheelhouse="")[1]["built"]
    texts = [path.read_text(errors="replace") for path in versions.place.rglob("*") if path.is_file()]
    assert not [text for text in texts if "geheim" in text]


def test_the_index_of_a_project_around_it_is_used(versions: VersionStage, index: Index) -> None:
    del versions.environment["UV_DEFAULT_INDEX"], versions.environment["UV_NO_CONFIG"]
    table = f'[[tool.uv.index]]\nname = "ours"\nurl = "{index.url}"\ndefault = true\n'
    (versions.folder / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "1"\n{table}')
    assert versions.install(wheelhouse="")[1]["built"]


def test_a_wrong_password_is_said_and_not_shown(versions: VersionStage, index: Index) -> None:
    index.password = "geheim"
    versions.environment["UV_DEFAULT_INDEX"] = index.url.replace("//", "//me:falsch@")
    with pytest.raises(FlowGateError, match="refuses the credentials") as caught:
        versions.install(wheelhouse="")
    said = [caught.value.what, caught.value.fix, *caught.value.log, *versions.messages]
    assert (caught.value.code, [one for one in said if "falsch" in one]) == (3, [])


@pytest.mark.parametrize("code", [500, 502, 503])
def test_an_index_that_fails_in_the_middle_leaves_nothing(versions: VersionStage, index: Index, code: int) -> None:
    index.status[f"files/{litellm().file_name}"] = code
    with pytest.raises(Unreachable, match=f"cannot be reached.*{code}"):
        versions.install(wheelhouse="")
    assert versions.names() == []


def test_an_index_that_is_down_is_said(versions: VersionStage) -> None:
    with pytest.raises(Unreachable, match=r"cannot be reached.*refused") as caught:
        versions.install("1.55.1", wheelhouse="")
    assert (caught.value.code, "--wheelhouse" in caught.value.fix) == (3, True)


def test_bytes_that_changed_between_resolving_and_installing_are_refused(versions: VersionStage, index: Index) -> None:
    versions.install(wheelhouse="")
    (versions.place / "1.108.77").rename(versions.folder / "away")
    litellm("1.108.77", **{"litellm/more.py": "x = 1\n"}).write(versions.wheels)
    versions.environment["UV_CACHE_DIR"] = str(versions.folder / "other-cache")
    with pytest.raises(FlowGateError, match=r"(?i)hash") as caught:
        versions.install(wheelhouse="")
    assert (caught.value.code, versions.names()) == (3, ["locks"])


def test_the_list_tells_why_versions_are_not_taken(versions: VersionStage, index: Index) -> None:
    versions.offer(litellm("1.110.0", "litellm-proxy==1.110.0"), litellm("1.109.3"), litellm("1.107.0"))
    index.times = {litellm("1.109.3").file_name: NOW, litellm("1.108.99").file_name: NOW}
    folder = versions.folder / "list"
    folder.mkdir()
    found = offers.ask_index(folder, versions.tools())
    assert (found.newest, found.installable, found.error) == ("1.110.0", "1.108.77", "")
    why = {one.version: one.reason for one in found.refused}
    assert why["1.110.0"] == "FlowGate cannot run it: from 1.110.0 on its router is written in Rust"
    assert (why["1.109.3"], why["1.108.99"]) == (offers.YOUNG, offers.YOUNG)
    assert (why["1.107.0"], why["1.82.8"]) == ("it is reported as compromised", "it contains malicious code")


def test_the_list_names_a_version_for_another_python(versions: VersionStage, index: Index) -> None:
    versions.offer(litellm("1.109.4", python=">=3.14"))
    (versions.folder / "list").mkdir()
    found = offers.ask_index(versions.folder / "list", versions.tools())
    assert "does not support Python" in json.dumps([one.reason for one in found.refused if one.version == "1.109.4"])


def test_the_list_without_an_index_says_so(versions: VersionStage) -> None:
    (versions.folder / "list").mkdir()
    found = offers.ask_index(versions.folder / "list", versions.tools())
    assert (found.newest, "cannot be reached" in found.error) == ("", True)
    assert {one.version for one in found.refused} == {"1.82.7", "1.82.8", "1.107.0"}


def test_the_list_names_what_a_version_lacks(versions: VersionStage, index: Index) -> None:
    versions.offer(litellm("1.109.3", "litellm-proxy==1.109.3"))
    folder = versions.folder / "list"
    folder.mkdir()
    (found,) = (one for one in offers.ask_index(folder, versions.tools()).refused if one.version == "1.109.3")
    assert "litellm-proxy was not found" in found.reason
