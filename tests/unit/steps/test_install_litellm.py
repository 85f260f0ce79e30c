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


@pytest.mark.parametrize("version", ["1.108.7", "v1.108.7", " 1.108.7", "1.0108.07", "1.108.7.0"])
def test_check_mode_names_the_version_and_its_folder(stage: Stage, version: str) -> None:
    found = install_litellm(stage.context().read_only(), version=version)
    assert isinstance(found, Change)
    assert (found.facts["version"], found.unpredicted) == ("1.108.7", "")
    assert str(found.facts["folder"]).endswith("litellm/1.108.7")


def test_check_mode_cannot_tell_the_newest_version(stage: Stage) -> None:
    found = install_litellm(stage.context().read_only())
    assert isinstance(found, Change)
    assert "index" in found.unpredicted
