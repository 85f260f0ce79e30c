"""Check of the file with the keys of the gateway's clients."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from flowgate.cli import refusals
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.clients.keys import keys_of

CHECK = "clients"


def clients(session: Session) -> Iterator[Finding]:
    """Check that the clients' keys can be read, and report those that are not accepted any more."""
    keys = keys_of(session.config)
    if problem := refusals.file_problem(session):
        yield Finding(CHECK, "fail", f"{problem}; {refusals.MEANWHILE}", f"rm {quote(str(keys.path))}")
        return
    table = keys.read()
    expired = [name for name, one in table.items() if keys.has_expired(one)]
    for name in expired:
        command = f"inv client.remove {name}"
        yield Finding(CHECK, "warn", f"the key of the client '{name}' has expired", command)
    if not expired:
        many = len(table) > 1
        count = f"{len(table)} client{'s have' if many else ' has'}" if table else "no client has"
        yield Finding(CHECK, "pass", f"{count} a key of {'their' if many else 'its'} own")
