from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowgate.stack import refused

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


@pytest.mark.parametrize("version", sorted(refused.REFUSED))
def test_a_refused_release_has_a_reason_and_cannot_be_installed(version: str) -> None:
    assert refused.reason(version)
    assert len(re.findall(rf"litellm\[proxy\].*!={re.escape(version)}[,\"]", PROJECT.read_text())) == 2


def test_any_other_release_has_none() -> None:
    assert refused.reason("1.106.2") == ""
