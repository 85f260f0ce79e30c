"""The keys of the gateway's clients: made, replaced and removed in one file, which the workers watch.

A key is returned once, when it is made; the file holds its SHA-256. Each change happens under a lock, so that two
commands at once lose nothing, and is in force for every worker with its next request.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from flowgate.clients.names import check_name
from flowgate.domain import Config, Secret
from flowgate.domain import client_keys as records
from flowgate.domain.client_keys import ClientKey, DamagedKeys, Limits, Owner
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway.request_rules import client_keys_file
from flowgate.system import files, processes
from flowgate.system.clock import Clock
from flowgate.system.processes import Identity

LOCK = "client-keys.lock"
LOCK_SECONDS = 30.0
KEY_BYTES = 32


def keys_of(config: Config, *, clock: Clock | None = None, is_alive: Callable[[Identity], bool] | None = None) -> Keys:
    """Return the keys of a config's clients.

    Args:
        config: The config.
        clock: The time; default: the system's.
        is_alive: Returns whether a process runs; default: asks the system.
    """
    lock = config.paths.runtime_dir / LOCK
    return Keys(client_keys_file(config), lock, clock or Clock(), is_alive or processes.alive)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys in one file.

    Attributes:
        path: The file.
        lock: The file that is locked during a change.
        clock: The time.
        is_alive: Returns whether a process runs.
    """

    path: Path
    lock: Path
    clock: Clock = field(default_factory=Clock)
    is_alive: Callable[[Identity], bool] = processes.alive

    def read(self) -> dict[str, ClientKey]:
        """Return the clients by name; those of ended processes are left out.

        Raises:
            UsageError: The file is damaged.
        """
        content = files.read_text_or_none(self.path)
        if content is None:
            return {}
        try:
            table = records.parse(content)
        except DamagedKeys as error:
            fix = f"restore it from a backup, or delete it (rm {self.path}) and add the clients again"
            raise UsageError(f"{self.path} is damaged: {error}", fix=fix) from None
        return {name: one for name, one in table.items() if not self._is_void(one)}

    def add(self, name: str, limits: Limits | None = None, program: str = "") -> Secret:
        """Make the key of a new client.

        Args:
            name: The client's name.
            limits: What it may do; default: everything.
            program: The program whose configuration will contain the key.

        Returns:
            The key; it cannot be had again.

        Raises:
            UsageError: The name cannot be used, or is taken; or the file is damaged.
        """
        check_name(name)
        with self._changed() as table:
            if name in table:
                fix = f"inv client.rotate {name}, or inv client.remove {name} first"
                raise UsageError(f"a client is called '{name}' already", fix=fix)
            return self._put(table, ClientKey(name, "", self.clock.wall(), limits or Limits(), program))

    def rotate(self, name: str, *, expires: datetime | None = None) -> Secret:
        """Replace the key of a client; the old one is void at once, and the limits stay.

        Args:
            name: The client's name.
            expires: When the new key expires; None to keep what is set.

        Returns:
            The new key.

        Raises:
            UsageError: There is no such client, or the file is damaged.
        """
        with self._changed() as table:
            old = _named(table, name)
            limits = replace(old.limits, expires=expires) if expires else old.limits
            return self._put(table, replace(old, created=self.clock.wall(), limits=limits))

    def set_limits(self, name: str, limits: Limits, program: str = "") -> None:
        """Change what a client may do; its key stays.

        Args:
            name: The client's name.
            limits: What it may do from now on.
            program: The program whose configuration contains the key.

        Raises:
            UsageError: There is no such client, or the file is damaged.
        """
        with self._changed() as table:
            table[name] = replace(_named(table, name), limits=limits, program=program)

    def remove(self, name: str) -> ClientKey:
        """Remove a client; its key is void at once.

        Args:
            name: The client's name.

        Returns:
            What its record was.

        Raises:
            UsageError: There is no such client, or the file is damaged.
        """
        with self._changed() as table:
            found = _named(table, name)
            del table[name]
            return found

    def verify(self, name: str, key: str) -> bool:
        """Return whether a key is the one of a client; an expired one is too.

        Args:
            name: The client's name; there need be no such client.
            key: A key.

        Raises:
            UsageError: The file is damaged.
        """
        one = self.read().get(name)
        return one is not None and hmac.compare_digest(one.sha256, records.sha256(key))

    def has_expired(self, one: ClientKey) -> bool:
        """Return whether a client's key is not accepted any more.

        Args:
            one: The client.
        """
        return one.limits.expires is not None and one.limits.expires <= self.clock.wall()

    @contextmanager
    def temporary(self, name: str, limits: Limits | None = None, program: str = "") -> Iterator[tuple[str, Secret]]:
        """Make a key that is void when the body, or this process, ends.

        Args:
            name: The beginning of the client's name; this process's number is added.
            limits: What it may do; default: everything.
            program: The program that gets the key.

        Returns:
            The client's whole name, and the key.

        Raises:
            UsageError: The name cannot be used, or the file is damaged.
        """
        made, key = self.add_temporary(name, limits, program)
        try:
            yield made, key
        finally:
            with self._changed() as table:
                table.pop(made, None)

    def add_temporary(self, name: str, limits: Limits | None = None, program: str = "") -> tuple[str, Secret]:
        """Make a key that is void when this process ends, also after it has executed another program.

        Args:
            name: The beginning of the client's name; this process's number is added.
            limits: What it may do; default: everything.
            program: The program that gets the key.

        Returns:
            The client's whole name, and the key.

        Raises:
            UsageError: The name cannot be used, or the file is damaged.
        """
        own = processes.identify(processes.own_pid()) or Identity(processes.own_pid(), 0)
        with self._changed() as table:
            stem = f"{name}-{own.pid}"
            made = next(one for one in (stem, *(f"{stem}.{number}" for number in range(2, 10_000))) if one not in table)
            check_name(made)
            owner = Owner(own.pid, own.ticks)
            record = ClientKey(made, "", self.clock.wall(), limits or Limits(), program, owner)
            return made, self._put(table, record)

    # --- the file

    def _put(self, table: dict[str, ClientKey], one: ClientKey) -> Secret:
        key = records.PREFIX + secrets.token_urlsafe(KEY_BYTES)
        table[one.name] = replace(one, sha256=records.sha256(key))
        return Secret(key)

    @contextmanager
    def _changed(self) -> Iterator[dict[str, ClientKey]]:
        """Let the body change the table, and write it afterwards; keys of ended processes are swept."""
        with self._locked():
            table = self.read()
            yield table
            files.write_atomic(self.path, records.text(table))

    def _locked(self) -> AbstractContextManager[None]:
        return files.exclusive_lock(
            self.lock, "client keys", clock=self.clock, timeout=LOCK_SECONDS, on_wait=lambda holder: None
        )

    def _is_void(self, one: ClientKey) -> bool:
        return one.owner is not None and not self.is_alive(Identity(one.owner.pid, one.owner.ticks))


def _named(table: Mapping[str, ClientKey], name: str) -> ClientKey:
    if name not in table:
        error = UnknownName("client", name, known=table)
        error.fix = error.fix or ("inv client.add NAME" if not table else "")
        raise error
    return table[name]
