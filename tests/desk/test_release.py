"""A release is refused for each thing that the guide asks for and that is not so."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from flowgate.desk import release
from tests.conftest import CHECKOUT


def git(root: Path, *words: str) -> None:
    named = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(root), *named, *words], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose only commit can be released."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.0 (2026-11-23)\n\n- All.\n\n## 1.1.0\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "all")
    return tmp_path


def statuses(found: object) -> list[str]:
    return [one.status for one in found]  # type: ignore[attr-defined]


def test_a_clean_commit_with_its_heading_passes(root: Path) -> None:
    assert statuses([*release.tree(root), *release.version(root)]) == ["pass", "pass"]


def test_a_change_that_is_not_committed_is_named(root: Path) -> None:
    (root / "new.py").touch()
    (found,) = release.tree(root)
    assert (found.status, "new.py" in found.said) == ("fail", True)


def test_an_unreleased_heading_and_a_taken_tag_fail(root: Path) -> None:
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n")
    git(root, "tag", "v1.2.0")
    heading, tag = release.version(root)
    assert "the top of CHANGELOG.md says 'Unreleased'" in heading.said
    assert (heading.status, tag.status, tag.said) == ("fail", "fail", "the tag v1.2.0 is taken")


@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")
def test_a_stale_lock_fails(root: Path) -> None:
    (root / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "1.2.0"\nrequires-python = ">=3.11"\n')
    (root / "uv.lock").write_text("version = 1\n")
    assert statuses(release.lock(root)) == ["fail"]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not here")
def test_the_wheel_of_this_checkout_carries_everything() -> None:
    assert statuses(release.wheel(CHECKOUT)) == ["pass"]
