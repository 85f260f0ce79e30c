from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowgate.errors import UsageError
from flowgate.system import installed

LOCK = 'version = 1\n[[package]]\nname = "litellm"\nversion = "1.82.7"\n'


def test_a_distribution_is_found_without_importing_it() -> None:
    assert (installed.version("litellm") or "").startswith("1.")
    assert installed.is_importable("litellm")
    assert "litellm" not in sys.modules


def test_what_is_not_installed_has_no_version() -> None:
    assert installed.version("no-such-thing") is None
    assert not installed.is_importable("no_such_thing")


def test_the_lock_names_a_version(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    assert installed.locked(tmp_path, "litellm") == "1.82.7"
    assert installed.locked(tmp_path, "other") is None
    assert installed.locked(tmp_path / "none", "litellm") is None


def test_a_damaged_lock_is_refused_with_its_path(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("[[[")
    with pytest.raises(UsageError, match="is damaged"):
        installed.locked(tmp_path, "litellm")
