"""What `client.add` and `client.remove` say about the files of a client program."""

from __future__ import annotations

from flowgate.cli import console
from flowgate.cli.client_plan import PLACEHOLDER, Client, How
from flowgate.cli.diff import COLOURS, diff_lines
from flowgate.clients.configuring import FileChange
from flowgate.domain.secret_names import HIDDEN
from flowgate.system import user_files


def tell(client: Client, changes: list[FileChange], how: How, *, key_is_new: bool) -> None:
    """Say what is written for a client, or would be.

    Args:
        client: The client.
        changes: Its files.
        how: Whether anything is written, and whether the lines are shown.
        key_is_new: It gets a key, or another one.
    """
    changed = any(one.is_change for one in changes)
    verb = "would get" if how.check else "has"
    if key_is_new:
        again = "another key, since its files had none that is accepted" if client.known else "a key of its own"
        console.note(f"~ the client '{client.name}' {verb} {again}")
    for one in changes:
        tell_file(one, check=how.check, diff=how.diff)
        for value in one.replaced:
            console.note(f"  replaced: {value} in {one.named}; inv client.remove {client.name} puts it back")
        for value in one.changed:
            console.note(f"  written again: {value} in {one.named} was changed or removed since")
        _warn(one)
    if not changed and not key_is_new:
        console.note(f"= {client.program.title} asks this gateway already, as the client '{client.name}'")


def tell_file(change: FileChange, *, check: bool, diff: bool) -> None:
    """Say what becomes of one file.

    Args:
        change: The file.
        check: It is not written.
        diff: Show the lines that change.
    """
    before = change.before.text
    if change.text is None:
        words = ("would be deleted", "is deleted") if before is not None else ("is gone already",) * 2
    elif before is None:
        words = ("would be created (600)", "is created (600)")
    else:
        words = ("would change", "is changed") if change.is_change else ("is unchanged",) * 2
    link = f" (a link to {change.before.path})" if change.before.path != change.named else ""
    console.note(f"{'~' if change.is_change else '='} {change.named}{link} {words[not check]}")
    if diff and change.is_change:
        for line in diff_lines(str(change.named), before or "", change.text or ""):
            shown = f"    {_without_key(line)}"
            console.quote(console.colour(shown, COLOURS[line[0]]) if line[:1] in COLOURS else shown)


def _without_key(line: str) -> str:
    return line.replace(PLACEHOLDER, HIDDEN)


def _warn(change: FileChange) -> None:
    file = change.before
    if file.open_to_others:
        console.note(
            f"! other users can read {file.path} ({file.mode:03o}), and the key is in it: chmod 600 {file.path}"
        )
    repository = user_files.repository_of(file.path)
    if repository and not change.named.is_relative_to(repository):
        console.note(f"! {file.path} is in the git repository {repository}: do not commit the key")
