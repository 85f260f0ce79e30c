"""The clients whose keys are accepted now: the file of client keys, read again whenever it changes.

A client is found by a keyed hash, whose key only this process knows, and then compared in constant time: how long that
takes says nothing about the keys that exist. While the file is damaged, the clients that were read last stay.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.domain import client_keys
from flowgate.domain.client_keys import ClientKey, DamagedKeys, Owner
from flowgate.errors import FlowGateError
from flowgate.request_filter.models import expression
from flowgate.system import processes
from flowgate.system.processes import Identity
from flowgate.system.watched_file import WatchedFile

MOST_BYTES = 4_000_000
OWNER_SECONDS = 1.0  # so long after its owner's end a temporary key may still be accepted
NOBODY = bytes(32)


@dataclass(slots=True)
class Client:
    """One client, ready to be compared.

    Attributes:
        key: Its record.
        digest: SHA-256 of its key.
        expires: Seconds since 1970; None for never.
        models: Patterns of the models that it may ask; empty for all.
    """

    key: ClientKey
    digest: bytes = field(repr=False)
    expires: float | None
    models: tuple[re.Pattern[str], ...]
    owner_seen: float = 0.0

    @property
    def name(self) -> str:
        """Its name."""
        return self.key.name

    def has_expired(self) -> bool:
        """Return whether its key is not accepted any more, because of the time or because its owner has ended."""
        return self.expires is not None and self.expires <= time.time()

    def is_void(self) -> bool:
        """Return whether the process that the key belongs to has ended; asked at most once a second."""
        owner = self.key.owner
        if owner is None:
            return False
        now = time.monotonic()
        if now - self.owner_seen < OWNER_SECONDS and self.owner_seen:
            return False
        if not _is_alive(owner):
            return True
        self.owner_seen = now
        return False

    def may_ask(self, model: str) -> bool:
        """Return whether the client may ask a model.

        Args:
            model: What it asked for.
        """
        return not self.models or any(pattern.fullmatch(model) for pattern in self.models)


class Clients:
    """The clients of one file.

    Attributes:
        path: The file; empty for none.
        problem: Why the file cannot be used; empty when it can.
    """

    def __init__(self, path: str = "") -> None:
        self.path, self.problem = path, ""
        self._file = WatchedFile(Path(path), MOST_BYTES) if path else None
        self._secret = secrets.token_bytes(32)
        self._by_tag: dict[bytes, Client] = {}

    def find(self, digest: bytes) -> Client | None:
        """Return the client that a key belongs to, also if the key has expired; None if there is none.

        Args:
            digest: SHA-256 of the key.
        """
        if self._file is None:
            return None
        if self._file.has_changed():
            self._read(self._file)
        found = self._by_tag.get(self._tag(digest))
        matches = hmac.compare_digest(digest, found.digest if found else NOBODY)
        return found if found and matches and not found.is_void() else None

    def _tag(self, digest: bytes) -> bytes:
        return hashlib.blake2b(digest, key=self._secret, digest_size=16).digest()

    def _read(self, file: WatchedFile) -> None:
        try:
            text = file.read()
            table = client_keys.parse(text) if text is not None else {}
        except DamagedKeys as error:
            self.problem = f"{self.path} is damaged: {error}"
            return
        except FlowGateError as error:
            self.problem = error.what
            return
        self.problem = ""
        self._by_tag = {self._tag(one.digest): one for one in map(_client, table.values())}


def _client(key: ClientKey) -> Client:
    expires = key.limits.expires.timestamp() if key.limits.expires else None
    return Client(key, bytes.fromhex(key.sha256), expires, tuple(map(expression, key.limits.models)))


def _is_alive(owner: Owner) -> bool:
    return processes.alive(Identity(owner.pid, owner.ticks))
