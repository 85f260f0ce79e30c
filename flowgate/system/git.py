"""Read-only queries to git. `root` is always the root of a checkout."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure

# git sets these for a hook; with them every query would be about the repository of the push.
HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
NO_MATCH = 1  # exit code of check-ignore and grep
TIMEOUT_SECONDS = 60


def root(folder: Path) -> Path | None:
    """Return the root of the checkout that contains a folder.

    Args:
        folder: The folder. If it does not exist, its nearest existing parent counts.

    Returns:
        The root; None outside a checkout, and if git is not installed.

    Raises:
        EnvironmentFailure: git failed, for example because the checkout belongs to another user.
    """
    existing = next((one for one in (folder, *folder.parents) if one.is_dir()), Path("/"))
    try:
        done = _run(existing, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return None
    if done.returncode == 0:
        return Path(done.stdout.rstrip("\n")) if done.stdout.strip() else None
    if "not a git repository" in done.stderr:
        return None
    raise _git_error(existing, done.stderr)


def tracked(root: Path) -> list[str]:
    """List the tracked files of a checkout, relative to its root.

    Raises:
        EnvironmentFailure: git failed.
    """
    return _names(_git(root, "ls-files", "-z"))


def changed_files(root: Path) -> list[str]:
    """List changed and untracked files of a checkout, relative to its root.

    Raises:
        EnvironmentFailure: git failed.
    """
    entries = iter(_names(_git(root, "status", "--porcelain", "-z", "--untracked-files=all")))
    found = []
    for entry in entries:
        found.append(entry[3:])
        if entry[0] in "RC":
            next(entries)  # the old name
    return found


def head(root: Path) -> tuple[str, str]:
    """Return the current commit: its short hash and the first line of its message.

    Raises:
        EnvironmentFailure: git failed, for example because there is no commit.
    """
    name, _, subject = _git(root, "log", "-1", "--format=%h %s").rstrip("\n").partition(" ")
    return name, subject


def tagged_commit(root: Path, tag: str) -> str:
    """Return the short hash of a tag's commit; empty if the tag does not exist.

    Raises:
        EnvironmentFailure: git failed.
    """
    return _git(
        root,
        "for-each-ref",
        "--format=%(if)%(*objectname)%(then)%(*objectname:short)%(else)%(objectname:short)%(end)",
        f"refs/tags/{tag}",
    ).strip()


def ignored(root: Path, names: Iterable[str]) -> set[str]:
    """Return the names that a checkout's ignore rules cover, whether or not such files exist.

    Args:
        root: The checkout's root.
        names: Paths relative to the root.

    Raises:
        EnvironmentFailure: git failed.
    """
    output = _git(root, "check-ignore", "--no-index", "-z", "--stdin", stdin="".join(f"{one}\0" for one in names))
    return set(_names(output))


def files_containing(root: Path, secrets: Sequence[Secret]) -> list[str]:
    """List the tracked files that contain any of some secrets, which git gets through its standard input.

    Raises:
        EnvironmentFailure: git failed.
    """
    if not secrets:
        return []
    lines = "".join(f"{secret.reveal()}\n" for secret in secrets)
    return _names(_git(root, "grep", "-l", "-z", "-I", "-F", "-f", "-", stdin=lines))


def hooks(root: Path) -> Path:
    """Return the folder of a checkout's hooks, as its settings say.

    Raises:
        EnvironmentFailure: git failed.
    """
    return root / _git(root, "rev-parse", "--git-path", "hooks").rstrip("\n")


def _names(output: str) -> list[str]:
    return [name for name in output.split("\0") if name]


def _git(root: Path, *words: str, stdin: str = "") -> str:
    try:
        done = _run(root, *words, stdin=stdin)
    except FileNotFoundError:
        raise EnvironmentFailure("git is not installed", fix="install git") from None
    if done.returncode not in (0, NO_MATCH):
        raise _git_error(root, done.stderr)
    return done.stdout


def _run(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in HOOK_VARIABLES} | {"LC_ALL": "C"}
    argv = ["git", "-C", str(folder), *words]
    try:
        return subprocess.run(
            argv, env=env, input=stdin, capture_output=True, text=True, check=False, timeout=TIMEOUT_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailure(f"git {words[0]} in {folder} took longer than {TIMEOUT_SECONDS} s") from None


def _git_error(folder: Path, stderr: str) -> EnvironmentFailure:
    first = next(iter(stderr.strip().splitlines()), "no error message").removeprefix("fatal: ")
    return EnvironmentFailure(f"git failed in {folder}: {first}", fix=f"git -C {folder} status")
