"""Check mode of an installation: what files of this machine can show is looked at, and nothing is kept."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.domain import Change
from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.step import Result
from flowgate.steps.install_litellm import install_litellm
from tests.unit.litellm_versions.conftest import VersionStage
from tests.unit.litellm_versions.wheels import litellm

FIRST = "1.108.77"


def foresee(versions: VersionStage, version: str, **params: Any) -> Result | Change:
    """Look, and change nothing: the tree is the same afterwards."""
    before = versions.tree()
    try:
        return install_litellm(versions.context().read_only(), version=version, **params)
    finally:
        assert versions.tree() == before


def test_a_folder_that_holds_all_is_predicted(versions: VersionStage) -> None:
    found = foresee(versions, FIRST, wheelhouse=str(versions.wheels))
    assert isinstance(found, Change)
    assert (found.facts["version"], found.unpredicted[:11]) == (FIRST, "the wheels ")


def test_the_newest_version_of_a_folder_is_named(versions: VersionStage) -> None:
    found = foresee(versions.offer(litellm("1.108.120")), "", wheelhouse=str(versions.wheels))
    assert isinstance(found, Change)
    assert (found.facts["version"], "1.108.120" in found.summary) == ("1.108.120", True)


def test_a_folder_without_anything_newer_predicts_no_change(versions: VersionStage) -> None:
    (versions.wheels / litellm().file_name).unlink()
    found = foresee(versions.offer(litellm("1.0.0")), "", wheelhouse=str(versions.wheels))
    assert isinstance(found, Result)
    assert "no newer one can be installed" in found.message


@pytest.mark.parametrize("version", ["1.106.2", "1.108.1", "1.109.3"])
def test_a_version_that_is_not_in_the_folder_is_no_prediction(versions: VersionStage, version: str) -> None:
    with pytest.raises(EnvironmentFailure, match=f"LiteLLM {version} cannot be installed") as caught:
        foresee(versions, version, wheelhouse=str(versions.wheels))
    assert caught.value.code == 3


@pytest.mark.parametrize("name", ["fastapi", "uvicorn", "pyyaml", "starlette"])
def test_a_missing_companion_is_found(versions: VersionStage, name: str) -> None:
    for path in versions.wheels.glob("*.whl"):
        if path.name.lower().startswith(f"{name}-"):
            path.unlink()
    with pytest.raises(EnvironmentFailure, match=name):
        foresee(versions, FIRST, wheelhouse=str(versions.wheels))


def test_a_conflict_of_versions_is_found(versions: VersionStage) -> None:
    versions.offer(litellm("1.108.90", "fastapi==0.0.1; extra == 'proxy'"))
    with pytest.raises(EnvironmentFailure, match="fastapi"):
        foresee(versions, "1.108.90", wheelhouse=str(versions.wheels))


@pytest.mark.parametrize("version", ["", FIRST, "1.106.2"])
def test_an_empty_cache_is_found(versions: VersionStage, version: str) -> None:
    with pytest.raises(FlowGateError, match="uv's cache") as caught:
        foresee(versions, version, offline=True)
    assert "--offline" in caught.value.fix
