"""The commands `client.add`, `client.remove` and `client.rotate`: a client's key, and the files of its program."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext

from flowgate.cli import arguments, client_files, client_limits, clients, console
from flowgate.cli.client_plan import How
from flowgate.cli.session import Session, open_session
from flowgate.clients.keys import keys_of
from flowgate.errors import UsageError
from flowgate.system import files
from flowgate.system.clock import Clock

LOCK = "client-files.lock"
LOCK_SECONDS = 30.0


def add(config: str, name: str, limits: Mapping[str, str], program: str, how: How) -> int:
    """Make a key for a client, and print it, or write it into the configuration of its program.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client's name.
        limits: The typed limits.
        program: The client program whose configuration is written; empty for none.
        how: How it is written.

    Raises:
        UsageError: The name or a limit cannot be used, the name is taken, or a file cannot be edited.
    """
    if program:
        session = open_session(config)
        with _locked(session, how.check):
            return client_files.add(session, name, program, limits, how)
    if how.model or how.small_model or how.print_only or how.diff:
        what = "a model, --print and --diff are about the configuration of a program, and none is named"
        raise UsageError(what, fix="inv client.add NAME --program codex …")
    return clients.add(config, name, limits, check=how.check)


def rotate(config: str, name: str, expires: str = "") -> int:
    """Replace the key of a client; it is written where the old one was, or printed.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client's name.
        expires: When the new key expires; empty to keep what is set.

    Raises:
        UsageError: There is no such client, or a file cannot be edited; the old key goes on.
    """
    session = open_session(config)
    until = client_limits.expiry(expires, Clock().wall()) if expires else None
    with _locked(session):
        if client_files.rotate(session, arguments.named(name, "a client"), until):
            return 0
    return clients.rotate(config, name, expires)


def remove(config: str, name: str, *, check: bool = False, diff: bool = False) -> int:
    """Remove a client: its key is void at once, and what was written for its program is taken back.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client's name.
        check: Only say what would change.
        diff: Show the lines that change in files.

    Raises:
        UsageError: There is no such client, or a file cannot be edited; nothing is changed.
    """
    session = open_session(config)
    given = arguments.named(name, "a client")
    known = given in keys_of(session.config).read()
    with _locked(session, check):
        was_written = client_files.remove(session, given, check=check, diff=diff)
    if not check and (known or not was_written):
        return clients.remove(config, given)
    if not known and not was_written:
        raise UsageError(f"no client is called '{given}'", fix="inv client.list")
    console.note(f"~ the client '{given}' {'would be' if check else 'is'} removed")
    return 0


def _locked(session: Session, check: bool = False) -> AbstractContextManager[None]:
    """Let one command at a time write files of client programs; a check writes none, and waits for nobody."""
    if check:
        return nullcontext()
    path = session.config.paths.runtime_dir / LOCK
    return files.exclusive_lock(
        path, "the files of clients", clock=Clock(), timeout=LOCK_SECONDS, on_wait=lambda holder: None
    )
