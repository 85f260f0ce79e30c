"""The credentials of the auth folder: read, watched and written."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flowgate.embedded_upstream import go_format, regular_files, versions
from flowgate.embedded_upstream.cooldown import Cooldowns
from flowgate.embedded_upstream.json_data import JsonObject, parse_object, text
from flowgate.embedded_upstream.versions import Contract, Model

PROVIDERS = {"gemini": "gemini-cli"}
KEPT_RESULTS = 1000


@dataclass(slots=True)
class Account:
    """One credential.

    Attributes:
        path: Its file.
        content: The file's content.
        index: Its `auth_index`.
        created: When it was first seen.
        stamp: The file's modification time and size.
        digest: The file's SHA-256.
        updated: When the file last changed.
        last_refresh: Shown if the file was uploaded or written by a login.
        status: `active`, `disabled` or `error`.
        message: Shown as `status_message`.
        unavailable: Whether its last request started a cooldown.
        retry_after: Shown as `next_retry_after`.
        cooldowns: Its cooldowns by model.
        results: When its requests ended, and whether they succeeded.
    """

    path: Path
    content: JsonObject
    index: str
    created: str
    stamp: tuple[int, int]
    digest: str
    updated: str = field(default_factory=go_format.timestamp)
    last_refresh: str = ""
    status: str = "active"
    message: str = ""
    unavailable: bool = False
    retry_after: str = ""
    cooldowns: Cooldowns = field(default_factory=Cooldowns)
    results: list[tuple[datetime, bool]] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def provider(self) -> str:
        """The provider, as `/auth-files` names it."""
        kind = str(self.content.get("type") or "unknown").lower()
        return PROVIDERS.get(kind, kind)

    @property
    def disabled(self) -> bool:
        """Whether it is switched off."""
        return bool(self.content.get("disabled"))

    @property
    def owner(self) -> str:
        """The e-mail address or the user name; empty if the file has none."""
        return str(self.content.get("email") or self.content.get("username") or "")

    def set_status(self, status: str, message: str = "", *, unavailable: bool = False) -> None:
        """Set what `/auth-files` shows."""
        self.status, self.message, self.unavailable = status, message, unavailable


class Accounts:
    """All credentials of the auth folder."""

    def __init__(self, folder: Path, contract: Contract, log: Callable[[str], None]) -> None:
        self.folder, self.contract, self.log = folder, contract, log
        self.by_name: dict[str, Account] = {}
        self._scanned = False

    # --- reading

    def scan(self) -> None:
        """Read new and changed files of the folder, and forget deleted ones."""
        found: set[str] = set()
        for name, stamp in self._files():
            found.add(name)
            known = self.by_name.get(name)
            if known is None or known.stamp != stamp:
                self._read(self.folder / name, stamp, known)
        for name in [name for name in self.by_name if name not in found]:
            del self.by_name[name]
        self._scanned = True

    def _files(self) -> list[tuple[str, tuple[int, int]]]:
        try:
            with os.scandir(self.folder) as entries:
                found = [(one.name, one.stat()) for one in entries if _is_auth_file(one)]
        except OSError:
            return []  # the folder, or a file in it, has just been deleted; the next scan reads the rest
        return [(name, (status.st_mtime_ns, status.st_size)) for name, status in found]

    def _read(self, path: Path, stamp: tuple[int, int], known: Account | None) -> None:
        try:
            data = regular_files.read_bytes(path)
        except OSError:
            return
        content = parse_object(data)
        if content is None or not (content.get("type") or known):
            return
        if self.contract.newer and str(content.get("type")).lower() in ("gemini", "gemini-cli"):
            return
        digest = hashlib.sha256(data).hexdigest()
        if known and known.digest == digest:
            known.stamp = stamp
            return
        account = self._account(path, content, stamp, digest, "id:" if self._scanned else "file:")
        if known:
            account.index, account.created = known.index, known.created
            account.last_refresh, account.results = known.last_refresh, known.results
        self.log(f"auth file {'changed' if known else 'added'}: {path.name}")

    def _account(self, path: Path, content: JsonObject, stamp: tuple[int, int], digest: str, kind: str) -> Account:
        index = hashlib.sha256(f"{kind}{path.name}".encode()).hexdigest()[:16]
        account = Account(path, content, index, go_format.timestamp(), stamp, digest)
        account.status = "disabled" if account.disabled else "active"
        self.by_name[path.name] = account
        return account

    # --- writing

    def add(self, name: str, content: JsonObject) -> None:
        """Write the file of a finished login and read it."""
        _save(self.folder / name, content)
        self.scan()
        if self.contract.newer and name in self.by_name:
            self.by_name[name].last_refresh = text(content.get("last_refresh"))

    def register(self, name: str, content: JsonObject) -> None:
        """Take over an uploaded file: it is written again, minified, with sorted keys and with `disabled`."""
        path, content = self.folder / name, {"disabled": False, **content}
        _save(path, content)
        status, digest = path.stat(), hashlib.sha256(regular_files.read_bytes(path)).hexdigest()
        account = self._account(path, content, (status.st_mtime_ns, status.st_size), digest, "file:")
        account.last_refresh = text(content.get("last_refresh"))

    def update(self, name: str, changes: JsonObject) -> Account:
        """Change keys of a credential's file, and return the credential as it is now."""
        known = self.by_name[name]
        _save(known.path, {**known.content, **changes})
        self.scan()
        if self.contract.newer:
            self.by_name[name].last_refresh = ""
        return self.by_name[name]

    # --- requests

    def record(self, account: Account, model: str, status: int, message: str, now: float, *, enabled: bool) -> None:
        """Record how a request ended.

        The first request after a file was written by hand only rewrites the file: its failure starts no cooldown.

        Args:
            account: The credential that was used.
            model: The model that was requested.
            status: 200, or the vendor's error.
            message: The vendor's error message; empty for 200.
            now: The monotonic clock.
            enabled: Whether cooldowns are enabled.
        """
        succeeded = status == 200
        account.results.append((datetime.now(UTC), succeeded))
        del account.results[:-KEPT_RESULTS]
        if "disabled" not in account.content:
            try:
                account = self.update(account.name, {"disabled": False})
            except OSError as error:  # a full disk, or something else in the place of the file
                self.log(f"auth file not saved: {account.name}: {error.strerror}")
            account.set_status("active" if succeeded else "error", message)
            return
        if succeeded:
            account.cooldowns.succeed(model)
            account.set_status("active")
            return
        cooling = account.cooldowns.fail(model, status, now, enabled=enabled, newer=self.contract.newer)
        account.set_status("error", message, unavailable=cooling)
        wait = timedelta(seconds=account.cooldowns.seconds_left(model, now))
        account.retry_after = go_format.timestamp(datetime.now(UTC) + wait)

    def end_cooldowns(self, account: Account) -> list[str]:
        """End the cooldowns of a credential, and return their models."""
        models = sorted(account.cooldowns.by_model)
        account.cooldowns.by_model.clear()
        account.set_status("active")
        return models

    def models(self, account: Account) -> list[Model]:
        """Return the models that a credential offers; none while it is disabled."""
        excluded = account.content.get("excluded_models")
        excluded = excluded if isinstance(excluded, list) else []
        listed = versions.models(self.contract, account.provider)
        return [] if account.disabled else [one for one in listed if one["id"] not in excluded]


def _is_auth_file(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(".json") and entry.is_file()


def _save(path: Path, content: JsonObject) -> None:
    """Write in place: the mode of a file is kept, and a new one gets what the umask allows."""
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    regular_files.write(path, written.encode(errors="backslashreplace"))  # half a surrogate pair becomes its escape
