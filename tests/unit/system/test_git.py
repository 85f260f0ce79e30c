from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure
from flowgate.system import git


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for name, text in {"a b.txt": "hello sk-mine-0123", "server.pem": "x", ".gitignore": "*.key\n"}.items():
        (root / name).write_text(text)
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    return root


def test_the_root_is_found_from_a_missing_subfolder(checkout: Path) -> None:
    assert git.root(checkout / "deep" / "deeper") == checkout.resolve()


def test_outside_a_checkout_the_root_is_none(tmp_path: Path) -> None:
    assert git.root(tmp_path) is None


def test_without_git_the_root_is_none_and_other_queries_fail(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert git.root(checkout) is None
    with pytest.raises(EnvironmentFailure, match="not installed"):
        git.tracked(checkout)


def test_a_checkout_with_a_broken_config_is_an_error(checkout: Path) -> None:
    (checkout / ".git" / "config").write_text("[nonsense")
    with pytest.raises(EnvironmentFailure, match="git failed in"):
        git.root(checkout)


def test_tracked_files_are_listed_with_unquoted_names(checkout: Path) -> None:
    (checkout / "new.txt").touch()
    assert git.tracked(checkout) == [".gitignore", "a b.txt", "server.pem"]


def test_ignore_rules_are_checked_for_missing_files(checkout: Path) -> None:
    assert git.ignored(checkout, ["private.key", "server.pem"]) == {"private.key"}
    assert git.ignored(checkout, []) == set()


def test_tracked_files_that_contain_a_secret_are_found(checkout: Path) -> None:
    assert git.files_containing(checkout, [Secret("nowhere"), Secret("sk-mine-0123")]) == ["a b.txt"]
    assert git.files_containing(checkout, [Secret("nowhere")]) == []
    assert git.files_containing(checkout, []) == []


def test_the_hooks_folder_follows_core_hookspath(checkout: Path) -> None:
    assert git.hooks(checkout) == checkout / ".git" / "hooks"
    subprocess.run(["git", "-C", str(checkout), "config", "core.hooksPath", "my-hooks"], check=True)
    assert git.hooks(checkout) == checkout / "my-hooks"


def test_the_variables_of_a_running_hook_are_ignored(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert git.root(checkout) == checkout.resolve()


def commit(checkout: Path, message: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(checkout), *who, "commit", "-q", "-am", message], check=True)
    return git.head(checkout)[0]


def test_changed_files_are_listed_once_with_their_new_names(checkout: Path) -> None:
    commit(checkout, "first")
    assert git.changed_files(checkout) == []
    subprocess.run(["git", "-C", str(checkout), "mv", "a b.txt", "c d.txt"], check=True)
    (checkout / "new").mkdir()
    (checkout / "new" / "file").touch()
    (checkout / "ignored.key").touch()
    assert sorted(git.changed_files(checkout)) == ["c d.txt", "new/file"]


def test_head_returns_hash_and_subject(checkout: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="git failed in"):
        git.head(checkout)
    name = commit(checkout, "the subject\n\nthe rest")
    assert git.head(checkout) == (name, "the subject")


def test_a_tag_is_matched_by_its_full_name(checkout: Path) -> None:
    name = commit(checkout, "first")
    subprocess.run(["git", "-C", str(checkout), "tag", "v1.0"], check=True)
    assert (
        git.tagged_commit(checkout, "v1.0"),
        git.tagged_commit(checkout, "v1"),
        git.tagged_commit(checkout, "v1.0.1"),
    ) == (name, "", "")
