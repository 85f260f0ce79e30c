"""The keys of the gateway's clients: one record each, and the text of the file that holds them; pure.

The file holds the SHA-256 of each key, never a key. Whatever it has beyond what is known here is an error: a limit that
is not understood must not be ignored.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

T = TypeVar("T")
VERSION = 1
FILE = "client-keys.json"  # under `.router/secrets`
PREFIX = "fg-"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
SHA256 = re.compile(r"[0-9a-f]{64}")
MOST = 1_000_000  # of a limit
FIELDS = frozenset(
    {"sha256", "created", "program", "expires", "models", "requests_per_minute", "max_parallel", "owner"}
)


class DamagedKeys(ValueError):
    """The text is not that of a file of client keys; the message says what is wrong, and quotes none of its values."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that a temporary key belongs to; the key is void when it has ended.

    Attributes:
        pid: Its pid.
        ticks: The kernel's start time of it.
    """

    pid: int
    ticks: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a client may do; empty values limit nothing.

    Attributes:
        models: Names of the models that it may ask; `*` stands for any text.
        requests_per_minute: Requests in any minute.
        max_parallel: Requests in progress at once.
        expires: From then on its key is not accepted.
    """

    models: tuple[str, ...] = ()
    requests_per_minute: int | None = None
    max_parallel: int | None = None
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class ClientKey:
    """The record of one client.

    Attributes:
        name: The client's name.
        sha256: SHA-256 of its key, as 64 hex digits.
        created: When the key was made.
        limits: What it may do.
        program: The program whose configuration contains the key ("codex"); empty for none.
        owner: The process that a temporary key belongs to.
    """

    name: str
    sha256: str
    created: datetime
    limits: Limits = Limits()
    program: str = ""
    owner: Owner | None = None


Table = Mapping[str, ClientKey]  # by name


def sha256(key: str) -> str:
    """Return what is stored of a key.

    Args:
        key: The key.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def stamp(when: datetime) -> str:
    """Return a time as the file has it: RFC 3339 in UTC, in whole seconds.

    Args:
        when: The time.
    """
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def text(table: Table) -> str:
    """Return the file's text.

    Args:
        table: The clients.
    """
    return json.dumps({"version": VERSION, "clients": {name: _tree(table[name]) for name in table}}, indent=2) + "\n"


def _tree(one: ClientKey) -> dict[str, object]:
    limits = one.limits
    tree: dict[str, object] = {"sha256": one.sha256, "created": stamp(one.created)}
    optional: dict[str, object] = {
        "program": one.program,
        "expires": stamp(limits.expires) if limits.expires else None,
        "models": list(limits.models),
        "requests_per_minute": limits.requests_per_minute,
        "max_parallel": limits.max_parallel,
        "owner": {"pid": one.owner.pid, "ticks": one.owner.ticks} if one.owner else None,
    }
    return tree | {name: value for name, value in optional.items() if value}


def parse(content: str) -> dict[str, ClientKey]:
    """Return the clients of a file.

    Args:
        content: The file's text.

    Raises:
        DamagedKeys: It is not such a file, or has something that this FlowGate does not know.
    """
    try:
        tree = json.loads(content, object_pairs_hook=_without_doubles)
    except (ValueError, RecursionError) as error:
        if isinstance(error, DamagedKeys):
            raise
        raise DamagedKeys("it is not JSON") from None
    if not isinstance(tree, dict) or not isinstance(tree.get("clients"), dict):
        raise DamagedKeys("it has no 'clients'")
    if tree.get("version") != VERSION or isinstance(tree.get("version"), bool):
        raise DamagedKeys(f"its version is not {VERSION}, the one that this FlowGate reads")
    if unknown := sorted(set(tree) - {"version", "clients"}):
        raise DamagedKeys(f"it has an unknown key '{unknown[0][:40]}'")
    table = {name: _client(name, entry) for name, entry in tree["clients"].items()}
    if len({one.sha256 for one in table.values()}) < len(table):
        raise DamagedKeys("two clients have the same key")
    return table


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DamagedKeys("a name occurs twice in it")
    return found


def _client(name: str, entry: object) -> ClientKey:
    if not NAME.fullmatch(name):
        raise DamagedKeys("a client's name has other characters than letters, digits, '.', '_', '@' and '-'")
    if not isinstance(entry, dict):
        raise DamagedKeys(f"the client '{name}' is not an object")
    if unknown := sorted(set(entry) - FIELDS):
        raise DamagedKeys(f"the client '{name}' has an unknown key '{unknown[0][:40]}'")
    digest, program, models = entry.get("sha256"), entry.get("program", ""), entry.get("models", [])
    _require(isinstance(digest, str) and bool(SHA256.fullmatch(digest)), name, "sha256")
    _require(isinstance(program, str), name, "program")
    _require(isinstance(models, list) and all(isinstance(one, str) and one for one in models), name, "models")
    limits = Limits(
        models=tuple(models),
        requests_per_minute=_optional(entry, name, "requests_per_minute", _count),
        max_parallel=_optional(entry, name, "max_parallel", _count),
        expires=_optional(entry, name, "expires", _time),
    )
    created = _optional(entry, name, "created", _time)
    _require(created is not None, name, "created")
    owner = _optional(entry, name, "owner", _owner)
    return ClientKey(name, str(digest), created or datetime.now(UTC), limits, program, owner)


def _require(holds: bool, name: str, key: str) -> None:
    if not holds:
        raise DamagedKeys(f"'{key}' of the client '{name}' is missing or cannot be used")


def _optional(entry: Mapping[str, object], name: str, key: str, read: Callable[[object], T | None]) -> T | None:
    if key not in entry:
        return None
    value = read(entry[key])
    _require(value is not None, name, key)
    return value


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST else None


def _time(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.astimezone(UTC) if found and found.tzinfo else None


def _owner(value: object) -> Owner | None:
    if not isinstance(value, dict) or set(value) != {"pid", "ticks"}:
        return None
    pid, ticks = value["pid"], value["ticks"]
    whole = all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in (pid, ticks))
    return Owner(pid, ticks) if whole else None
