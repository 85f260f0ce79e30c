from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowgate.gateway import blocked_versions

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.mark.parametrize("version", sorted(blocked_versions.BLOCKED))
def test_a_blocked_release_has_a_reason_and_cannot_be_installed(version: str) -> None:
    assert blocked_versions.reason(version)
    assert len(re.findall(rf"litellm\[proxy\].*!={re.escape(version)}[,\"]", PROJECT.read_text())) == 2


def test_other_releases_are_not_blocked() -> None:
    assert blocked_versions.reason("1.106.2") == ""
