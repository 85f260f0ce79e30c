from __future__ import annotations

import sys
from pathlib import Path

import pytest

from flowgate.errors import UsageError
from flowgate.system import installed

LOCK = 'version = 1\n[[package]]\nname = "litellm"\nversion = "1.82.7"\n'


def test_a_distribution_is_found_without_an_import() -> None:
    assert (installed.version("litellm") or "").startswith("1.")
    assert installed.is_importable("litellm")
    assert "litellm" not in sys.modules


def test_a_missing_distribution_has_no_version() -> None:
    assert installed.version("no-such-thing") is None
    assert not installed.is_importable("no_such_thing")


def test_the_locked_version_is_read_from_uv_lock(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text(LOCK)
    assert installed.locked(tmp_path, "litellm") == "1.82.7"
    assert installed.locked(tmp_path, "other") is None
    assert installed.locked(tmp_path / "none", "litellm") is None


def test_an_invalid_uv_lock_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("[[[")
    with pytest.raises(UsageError, match="is damaged"):
        installed.locked(tmp_path, "litellm")


def test_the_source_of_a_package_is_read_without_an_import() -> None:
    assert "class Router:" in (installed.source("litellm", "router.py") or "")
    assert installed.source("litellm", "no_such_file.py") is None
    assert installed.source("litellm", "proxy") is None
    assert installed.source("no_such_thing", "a.py") is None


def test_names_in_the_source_of_a_package_are_found() -> None:
    assert installed.uses_name("litellm", "repetition_penalty")
    assert not installed.uses_name("litellm", "api_bse")
    assert installed.uses_name("no_such_thing", "api_bse")
