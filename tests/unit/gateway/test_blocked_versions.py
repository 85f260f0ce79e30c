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


@pytest.mark.parametrize("version", ["1.107", "v1.107.0", "1.82.7+cpu", "1.107.0.0"])
def test_another_spelling_of_a_blocked_release_is_blocked(version: str) -> None:
    assert blocked_versions.reason(version)


@pytest.mark.parametrize("version", ["1.107.0rc1", "1.107.1", "1.82.7.post1", "main", ""])
def test_another_release_is_not_blocked(version: str) -> None:
    assert blocked_versions.reason(version) == ""
