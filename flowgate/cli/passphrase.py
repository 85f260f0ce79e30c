"""The passphrase of a backup: from a terminal, a private file, or stdin; never from an argument or the environment."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from flowgate.errors import UsageError
from flowgate.system import files, permissions, terminal

SHORTEST = 8  # characters of a new one
LONGEST = 1_000
FIX = "name a file with --passphrase-file, type it at a terminal, or write it to stdin"


def read(file: str, *, new: bool) -> str:
    """Return the passphrase.

    Args:
        file: Path after `--passphrase-file`; empty: ask on a terminal, else read the first line of stdin.
        new: It is made now: it is asked for twice, and must have some length.

    Raises:
        UsageError: There is none, it is too short, differs the second time, or others can read its file.
    """
    if file:
        found = _from_file(Path(file).expanduser())
    elif terminal.has_reader():
        found = _asked(new)
    else:
        found = terminal.read_piped_line(LONGEST + 1)
    if not found:
        raise UsageError("there is no passphrase", fix=FIX)
    if len(found) > LONGEST:
        raise UsageError(f"the passphrase has more than {LONGEST} characters", fix="use a shorter one")
    if new and len(found) < SHORTEST:
        fix = "use a longer one: whoever has the file can try millions of them"
        raise UsageError(f"the passphrase has fewer than {SHORTEST} characters", fix=fix)
    return found


def _asked(new: bool) -> str:
    first = terminal.read_secret("passphrase: ")
    if new and first and terminal.read_secret("the same again: ") != first:
        raise UsageError("the two passphrases differ", fix="run the command again; nothing was written")
    return first


def _from_file(path: Path) -> str:
    text = files.read_text(path)
    mode = permissions.mode(path)
    if mode is not None and mode & permissions.FOR_OTHERS:
        raise UsageError(f"others can read {path} (mode {mode:03o})", fix=f"chmod 600 {quote(str(path))}")
    return text.partition("\n")[0].rstrip("\r")
