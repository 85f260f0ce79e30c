"""What is promised in `pyproject.toml`."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_runtime_is_the_same_list_as_a_group_and_as_an_extra() -> None:
    assert PROJECT["dependency-groups"]["runtime"] == PROJECT["project"]["optional-dependencies"]["runtime"]


def test_a_plain_uv_run_installs_the_runtime_alone() -> None:
    assert set(PROJECT["tool"]["uv"]["default-groups"]) == {"runtime"}


def test_litellm_versions_known_to_be_bad_are_refused() -> None:
    (wanted,) = [one for one in PROJECT["dependency-groups"]["runtime"] if one.startswith("litellm")]
    assert all(f"!={version}" in wanted for version in ("1.82.7", "1.82.8", "1.107.0"))


def test_the_lock_holds_none_of_them() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    versions = {one["version"] for one in lock["package"] if one["name"] == "litellm"}
    assert versions
    assert not versions & {"1.82.7", "1.82.8", "1.107.0"}


def test_every_later_uv_run_stays_fast() -> None:
    assert "compile-bytecode" not in PROJECT["tool"]["uv"]


def test_example_keys_and_user_files_never_reach_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".router/", "config/flowgate.yaml", "config/cliproxyapi.yaml", ".env"} <= set(ignored)
