"""What git knows about a checkout; nothing here changes one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure

# A hook is run with variables that point git at the repository of the push, whatever folder we ask about.
HOOK_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")
NOTHING_FOUND = 1  # of check-ignore and grep
GIVE_UP_SECONDS = 60


def root(folder: Path) -> Path | None:
    """Give the root of the checkout that a folder, or the nearest one above it that exists, lies in.

    Returns:
        None outside a checkout, and where git is not installed.

    Raises:
        EnvironmentFailure: Git refuses to look (a checkout of another user's).
    """
    there = next((one for one in (folder, *folder.parents) if one.is_dir()), Path("/"))
    try:
        done = _run(there, "rev-parse", "--show-toplevel")
    except FileNotFoundError:
        return None
    if done.returncode == 0:
        return Path(done.stdout.rstrip("\n")) if done.stdout.strip() else None
    if "not a git repository" in done.stderr:
        return None
    raise _refused(there, done.stderr)


def tracked(root: Path) -> list[str]:
    """List the files that git tracks in a checkout, relative to its root.

    Raises:
        EnvironmentFailure: See the message.
    """
    return _names(_asked(root, "ls-files", "-z"))


def changed_files(root: Path) -> list[str]:
    """List what differs from the commit that is checked out, files that git does not know included.

    Raises:
        EnvironmentFailure: See the message.
    """
    entries = iter(_names(_asked(root, "status", "--porcelain", "-z", "--untracked-files=all")))
    found = []
    for entry in entries:
        found.append(entry[3:])
        if entry[0] in "RC":
            next(entries)  # the name it had before
    return found


def head(root: Path) -> tuple[str, str]:
    """Give the last commit: its short name and the first line of its message.

    Raises:
        EnvironmentFailure: , also where nothing has been committed.
    """
    name, _, subject = _asked(root, "log", "-1", "--format=%h %s").rstrip("\n").partition(" ")
    return name, subject


def tagged_commit(root: Path, tag: str) -> str:
    """Give the short name of the commit that a tag names; empty when there is no such tag.

    Raises:
        EnvironmentFailure: See the message.
    """
    return _asked(
        root,
        "for-each-ref",
        "--format=%(if)%(*objectname)%(then)%(*objectname:short)%(else)%(objectname:short)%(end)",
        f"refs/tags/{tag}",
    ).strip()


def ignored(root: Path, names: Iterable[str]) -> set[str]:
    """Say which of these names the ignore rules of a checkout cover, whether or not such files are there.

    Args:
        names: Relative to the root.

    Raises:
        EnvironmentFailure: See the message.
    """
    message = _asked(root, "check-ignore", "--no-index", "-z", "--stdin", given="".join(f"{one}\0" for one in names))
    return set(_names(message))


def files_containing(root: Path, texts: Sequence[Secret]) -> list[str]:
    """List the tracked files that hold any of these texts; git is told them on its standard input only.

    Raises:
        EnvironmentFailure: See the message.
    """
    if not texts:
        return []
    given = "".join(f"{text.reveal()}\n" for text in texts)
    return _names(_asked(root, "grep", "-l", "-z", "-I", "-F", "-f", "-", given=given))


def hooks(root: Path) -> Path:
    """Say where the hooks of a checkout lie, wherever its settings put them.

    Raises:
        EnvironmentFailure: See the message.
    """
    return root / _asked(root, "rev-parse", "--git-path", "hooks").rstrip("\n")


def _names(listed: str) -> list[str]:
    return [name for name in listed.split("\0") if name]


def _asked(root: Path, *words: str, given: str = "") -> str:
    try:
        done = _run(root, *words, given=given)
    except FileNotFoundError:
        raise EnvironmentFailure("git is not installed", fix="install git") from None
    if done.returncode not in (0, NOTHING_FOUND):
        raise _refused(root, done.stderr)
    return done.stdout


def _run(folder: Path, *words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in HOOK_VARIABLES} | {"LC_ALL": "C"}
    argv = ["git", "-C", str(folder), *words]
    try:
        return subprocess.run(
            argv, env=env, input=given, capture_output=True, text=True, check=False, timeout=GIVE_UP_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise EnvironmentFailure(f"git {words[0]} in {folder} took longer than {GIVE_UP_SECONDS} s") from None


def _refused(folder: Path, message: str) -> EnvironmentFailure:
    first = next(iter(message.strip().splitlines()), "it gave no reason").removeprefix("fatal: ")
    return EnvironmentFailure(f"git refuses to look at {folder}: {first}", fix=f"git -C {folder} status")
