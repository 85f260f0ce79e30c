"""The step `install_litellm` while it looks; what it builds is tested in `tests/unit/litellm_versions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change
from flowgate.errors import InvalidValue, UsageError
from flowgate.steps.install_litellm import install_litellm

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


@pytest.mark.parametrize(
    "params, kind, words",
    [
        *(
            ({"version": written}, InvalidValue, "a version of LiteLLM")
            for written in (
                *("banana", "1", "1.", ".108.7", "1..7", "1.108.x", "1.108.*", "v", "V1.108.7", "1,108,7", "-1.108.7"),
                *("1.108.7-rc1", "1.108.7 1.108.8", "1.108.7.post", "litellm==1.108.7", "newest", "~1.108", "1e3.1"),
                *("１.１０８.７", "https://x/litellm.whl", "9999999.1.1", "1.2.3.4.5", "none", "true"),  # noqa: RUF001
            )
        ),
        ({"version": "latest"}, InvalidValue, "a version of LiteLLM"),
        ({"version": "../../etc"}, InvalidValue, "a version of LiteLLM"),
        ({"version": ">=1.100"}, InvalidValue, "a version of LiteLLM"),
        ({"version": "1.108.7; extra"}, InvalidValue, "a version of LiteLLM"),
        ({"version": "1.108.7+local"}, InvalidValue, "a version of LiteLLM"),
        ({"version": "１.108.7"}, InvalidValue, "a version of LiteLLM"),  # noqa: RUF001
        ({"version": "1.82.8"}, UsageError, "malicious"),
        ({"version": "v1.82.7"}, UsageError, "malicious"),
        ({"version": " 1.107.0 "}, UsageError, "compromised"),
        ({"version": "1.107"}, UsageError, "compromised"),
        ({"version": "1.82.07"}, UsageError, "malicious"),
        ({"version": "01.082.8"}, UsageError, "malicious"),
        ({"version": "1.82.8.0"}, UsageError, "malicious"),
        ({"wheelhouse": "/nowhere"}, UsageError, "no folder"),
        ({"wheelhouse": "/dev/null"}, UsageError, "no folder"),
        ({"wheelhouse": "/dev"}, UsageError, "no wheel"),
    ],
)
def test_what_is_written_wrong_is_refused_and_nothing_is_touched(
    stage: Stage, params: dict[str, Any], kind: type[UsageError], words: str
) -> None:
    before = stage.tree()
    with pytest.raises(kind, match=words) as caught:
        install_litellm(stage.context().read_only(), **params)
    assert (caught.value.code, stage.tree()) == (2, before)


@pytest.mark.parametrize("version", ["banana", "1.108.x", "--to", "1.108.7-rc1"])
def test_a_wrong_version_is_named_with_an_example_and_where_versions_are_listed(stage: Stage, version: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        install_litellm(stage.context().read_only(), version=version)
    assert repr(version) in caught.value.what
    assert "such as 1.108.7" in f"{caught.value.what} {caught.value.fix}"
    assert "inv litellm.list" in caught.value.fix


@pytest.mark.parametrize("version", ["1.106.2", "v1.106.2", " 1.106.2", "1.0106.02", "1.106.2.0"])
def test_check_mode_names_the_version_and_its_folder(stage: Stage, version: str) -> None:
    found = install_litellm(stage.context().read_only(), version=version)
    assert isinstance(found, Change)
    assert found.facts["version"] == "1.106.2"
    assert found.unpredicted == "the package index was not asked whether LiteLLM 1.106.2 can be installed"
    assert str(found.facts["folder"]).endswith("litellm/1.106.2")


def test_check_mode_cannot_tell_the_newest_version(stage: Stage) -> None:
    found = install_litellm(stage.context().read_only())
    assert isinstance(found, Change)
    assert "index" in found.unpredicted
