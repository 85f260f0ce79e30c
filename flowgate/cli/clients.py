"""The commands `client list`, `add`, `remove` and `rotate`: a key for each program that talks to the gateway."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import arguments, client_limits, console, refusals
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session, open_session
from flowgate.clients.keys import Keys, keys_of
from flowgate.clients.names import check_name
from flowgate.domain.client_keys import ClientKey, Limits
from flowgate.domain.client_keys import stamp as written
from flowgate.errors import UsageError
from flowgate.gateway import litellm_runner, request_rules
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from flowgate.domain import Secret

SERVICE = "litellm"
BOUND = (
    "a new generation counts limits anew: while a switch drains the old one, a client may use up to its limits in each"
)


class ClientRow(TypedDict):
    """One client; docs/json.md describes the keys."""

    name: str
    program: str
    created: str
    expires: str
    state: str
    models: list[str]
    requests_per_minute: int | None
    max_parallel: int | None
    pid: int | None
    refused: int


def list_clients(config: str, as_json: bool) -> int:
    """Print the clients and what they may do; never a key.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print one JSON document.

    Raises:
        UsageError: The file of keys is damaged.
    """
    session = open_to_read(config)
    keys, refused = keys_of(session.config), Counter[str]()
    table = keys.read()
    for one in refusals.refused(session):
        refused[one["client"]] += one["count"]
    rows = [_row(keys, one, refused[one.name]) for one in table.values()]
    own = _own_keys(session)
    note_unchecked(session)
    if as_json:
        console.document({"file": str(keys.path), "clients": rows, "own_keys": list(own)})
        return 0
    console.note(session.describe())
    if rows:
        head = ("client", "program", "state", "expires", "models", "a minute", "at once", "refused")
        console.table([head, *map(_cells, rows)])
        if any(row["requests_per_minute"] or row["max_parallel"] for row in rows):
            console.note(f"note: {BOUND}")
    else:
        console.note("no client has a key of its own; every program uses the gateway's key")
        console.note("  fix: inv client.add NAME")
    if own:
        why = f"LiteLLM accepts further keys, because of {', '.join(own)}"
        console.note(f"note: {why}; a key that is not listed here goes to it as it was sent")
    return 0


def add(config: str, name: str, limits: Mapping[str, str], *, check: bool = False) -> int:
    """Make a key for a client, and print it; it cannot be printed again.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client's name.
        limits: The typed limits: "models", "requests_per_minute", "max_parallel" and "expires".
        check: Only say what would change.

    Raises:
        UsageError: The name or a limit cannot be used, the name is taken, or the file of keys is damaged.
    """
    session = open_session(config)
    note_unchecked(session)
    given, typed = arguments.named(name, "a name for the client"), typed_limits(session, limits)
    if check:
        return _foretell(session, given)
    key = keys_of(session.config).add(given, typed)
    record_event(session, "client_added", given)
    print_key(session, given, key)
    return 0


def rotate(config: str, name: str, expires: str = "") -> int:
    """Replace the key of a client, and print the new one; the old one is void at once.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client's name.
        expires: When the new key expires; empty to keep what is set.

    Raises:
        UsageError: There is no such client, or the file of keys is damaged.
    """
    session = open_session(config)
    until = client_limits.expiry(expires, Clock().wall()) if expires else None
    key = keys_of(session.config).rotate(arguments.named(name, "a client"), expires=until)
    record_event(session, "client_rotated", name)
    print_key(session, name, key)
    return 0


def remove(config: str, name: str) -> int:
    """Remove a client; its key is void at once.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client's name.

    Raises:
        UsageError: There is no such client, or the file of keys is damaged.
    """
    session = open_session(config)
    keys_of(session.config).remove(arguments.named(name, "a client"))
    record_event(session, "client_removed", name)
    console.note(f"~ the client '{name}' is removed; its key is not accepted any more")
    return 0


def _foretell(session: Session, name: str) -> int:
    check_name(name)
    if name in keys_of(session.config).read():
        raise UsageError(f"a client is called '{name}' already", fix=f"inv client.rotate {name}")
    console.note(f"~ the client '{name}' would get a key of its own")
    return 0


def typed_limits(session: Session, typed: Mapping[str, str]) -> Limits:
    """Read typed limits.

    Args:
        session: The config, whose models are known.
        typed: "models", "requests_per_minute", "max_parallel" and "expires"; empty texts limit nothing.

    Raises:
        UsageError: One of them cannot be used.
    """
    names = ("models", "requests_per_minute", "max_parallel", "expires")
    models, per_minute, parallel, expires = (typed.get(name, "") for name in names)
    return client_limits.read(session, models, per_minute, parallel, expires)


def note_unchecked(session: Session) -> None:
    """Say that no key of a client is accepted where FlowGate's runner does not start LiteLLM.

    Args:
        session: The config.
    """
    if not litellm_runner.uses_runner(session.config):
        place = session.config.place("services.litellm.command.args")
        why = f"FlowGate's runner does not start LiteLLM ({place})"
        console.note(f"warning: keys of clients are not accepted, since {why}")
        console.note("  fix: set it to [.router/runtime/bin/litellm]")


def record_event(session: Session, event: str, name: str) -> None:
    """Append an event about a client to the event log; a full disk loses it.

    Args:
        session: The config.
        event: "client_added", "client_rotated" or "client_removed".
        name: The client's name.
    """
    empty = dict.fromkeys(("service", "profile", "provider"), "")
    line = {"event": event, **empty, "result": "ok", "detail": name, "timestamp": stamp(Clock().wall())}
    files.append_line(session.config.paths.runtime_dir / "events.log", json.dumps(line, ensure_ascii=False))


def address(session: Session) -> str:
    """Return the gateway's address as clients use it, without `/v1`.

    Args:
        session: Config and supervisor.
    """
    settings = session.config.services[SERVICE]
    running = session.supervisor.generation(SERVICE)
    return f"http://{settings.host}:{running['port'] if running else settings.port}"


def print_key(session: Session, name: str, key: Secret) -> None:
    """Print a new key to stdout, and how to use it to stderr.

    Args:
        session: Config and supervisor.
        name: The client's name.
        key: Its key.
    """
    root = address(session)
    console.note(f"~ this is the key of the client '{name}'; it is shown only now, and only its SHA-256 is stored")
    console.data(key.reveal())
    console.note(f"  OpenAI clients:    base URL {root}/v1, header `Authorization: Bearer KEY`")
    console.note(f"  Anthropic clients: base URL {root}, header `x-api-key: KEY`")
    console.note(f"  Google clients:    base URL {root}, header `x-goog-api-key: KEY`")


# --- rows


def _row(keys: Keys, one: ClientKey, refused: int) -> ClientRow:
    limits, expired = one.limits, keys.has_expired(one)
    return {
        "name": one.name,
        "program": one.program,
        "created": written(one.created),
        "expires": written(limits.expires) if limits.expires else "",
        "state": "expired" if expired else "temporary" if one.owner else "active",
        "models": list(limits.models),
        "requests_per_minute": limits.requests_per_minute,
        "max_parallel": limits.max_parallel,
        "pid": one.owner.pid if one.owner else None,
        "refused": refused,
    }


def _cells(row: ClientRow) -> list[str]:
    cells = [row["name"], row["program"], row["state"], row["expires"], ", ".join(row["models"]) or "all"]
    cells += [str(one or "") for one in (row["requests_per_minute"], row["max_parallel"], row["refused"])]
    return [cell or "-" for cell in cells]


def _own_keys(session: Session) -> tuple[str, ...]:
    from flowgate.config.overlay import overlay

    tree = overlay(session.config.litellm_base, session.config.profiles[session.profile().value])
    return request_rules.own_keys(tree, session.config.services[SERVICE].env)
