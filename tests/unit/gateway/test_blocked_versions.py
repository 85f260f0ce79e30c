from __future__ import annotations

import re
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from flowgate.gateway import blocked_versions

PROJECT = Path(__file__).parents[3] / "pyproject.toml"


@pytest.mark.parametrize("version", sorted(blocked_versions.BLOCKED))
def test_a_blocked_release_has_a_reason_and_cannot_be_installed(version: str) -> None:
    assert blocked_versions.reason(version)
    ranges = re.findall(r'"litellm\[proxy\](.*)"', PROJECT.read_text(encoding="utf-8"))
    assert len(ranges) == 2
    assert not any(SpecifierSet(one).contains(version) for one in ranges)


def test_other_releases_are_not_blocked() -> None:
    assert blocked_versions.reason("1.106.2") == ""
