"""Rules for `pyproject.toml`, the lock and `.gitignore`."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from flowgate.gateway import blocked_versions

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_runtime_group_equals_the_runtime_extra() -> None:
    assert PROJECT["dependency-groups"]["runtime"] == PROJECT["project"]["optional-dependencies"]["runtime"]


def test_a_plain_uv_run_installs_the_runtime_alone() -> None:
    assert set(PROJECT["tool"]["uv"]["default-groups"]) == {"runtime"}


def test_blocked_litellm_versions_are_excluded() -> None:
    (wanted,) = [one for one in PROJECT["dependency-groups"]["runtime"] if one.startswith("litellm")]
    assert not list(Requirement(wanted).specifier.filter(blocked_versions.BLOCKED, prereleases=True))


def test_the_lock_has_no_blocked_litellm_version() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    versions = {one["version"] for one in lock["package"] if one["name"] == "litellm"}
    assert versions
    assert not versions & {"1.82.7", "1.82.8", "1.107.0"}


def test_uv_does_not_compile_bytecode_in_every_run() -> None:
    assert "compile-bytecode" not in PROJECT["tool"]["uv"]


def test_user_files_are_ignored_by_git() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {".router/", "config/flowgate.yaml", "config/cliproxyapi.yaml", ".env"} <= set(ignored)
