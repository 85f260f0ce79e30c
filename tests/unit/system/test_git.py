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


def test_the_root_is_found_from_a_folder_inside_even_one_that_is_not_there_yet(checkout: Path) -> None:
    assert git.root(checkout / "deep" / "deeper") == checkout.resolve()


def test_outside_a_checkout_there_is_no_root(tmp_path: Path) -> None:
    assert git.root(tmp_path) is None


def test_without_git_there_is_no_root_and_asking_more_is_refused(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout))
    assert git.root(checkout) is None
    with pytest.raises(EnvironmentFailure, match="not installed"):
        git.tracked(checkout)


def test_a_checkout_that_git_refuses_is_no_missing_one(checkout: Path) -> None:
    (checkout / ".git" / "config").write_text("[nonsense")
    with pytest.raises(EnvironmentFailure, match="git refuses to look"):
        git.root(checkout)


def test_tracked_files_are_listed_with_their_real_names(checkout: Path) -> None:
    (checkout / "new.txt").touch()
    assert git.tracked(checkout) == [".gitignore", "a b.txt", "server.pem"]


def test_ignore_rules_are_asked_about_files_that_are_not_there(checkout: Path) -> None:
    assert git.ignored(checkout, ["private.key", "server.pem"]) == {"private.key"}
    assert git.ignored(checkout, []) == set()


def test_tracked_files_that_hold_a_text_are_found(checkout: Path) -> None:
    assert git.files_containing(checkout, [Secret("nowhere"), Secret("sk-mine-0123")]) == ["a b.txt"]
    assert git.files_containing(checkout, [Secret("nowhere")]) == []
    assert git.files_containing(checkout, []) == []


def test_hooks_lie_where_the_checkout_says(checkout: Path) -> None:
    assert git.hooks(checkout) == checkout / ".git" / "hooks"
    subprocess.run(["git", "-C", str(checkout), "config", "core.hooksPath", "my-hooks"], check=True)
    assert git.hooks(checkout) == checkout / "my-hooks"


def test_the_variables_of_a_running_hook_do_not_lead_astray(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert git.root(checkout) == checkout.resolve()


def commit(checkout: Path, message: str) -> str:
    who = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(checkout), *who, "commit", "-q", "-am", message], check=True)
    return git.head(checkout)[0]


def test_changes_are_listed_once_each_with_their_new_names(checkout: Path) -> None:
    commit(checkout, "first")
    assert git.changed_files(checkout) == []
    subprocess.run(["git", "-C", str(checkout), "mv", "a b.txt", "c d.txt"], check=True)
    (checkout / "new").mkdir()
    (checkout / "new" / "file").touch()
    (checkout / "ignored.key").touch()
    assert sorted(git.changed_files(checkout)) == ["c d.txt", "new/file"]


def test_the_last_commit_is_named_with_its_subject(checkout: Path) -> None:
    with pytest.raises(EnvironmentFailure, match="git refuses to look"):
        git.head(checkout)
    name = commit(checkout, "the subject\n\nthe rest")
    assert git.head(checkout) == (name, "the subject")


def test_a_tag_names_its_commit_and_only_in_full(checkout: Path) -> None:
    name = commit(checkout, "first")
    subprocess.run(["git", "-C", str(checkout), "tag", "v1.0"], check=True)
    assert (
        git.tagged_commit(checkout, "v1.0"),
        git.tagged_commit(checkout, "v1"),
        git.tagged_commit(checkout, "v1.0.1"),
    ) == (name, "", "")
