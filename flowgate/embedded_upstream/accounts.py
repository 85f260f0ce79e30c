"""The credentials of the auth folder: read, watched, listed, written.

Source: v6.8.16-0 and 7.2.101-1 answer `/v0/management/auth-files` so (`tests/contract/data/`)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flowgate.embedded_upstream import versions
from flowgate.embedded_upstream.cooldown import Benches
from flowgate.embedded_upstream.versions import Contract

Tree = dict[str, Any]
PROVIDERS = {"gemini": "gemini-cli"}
BUCKETS, BUCKET_MINUTES = 20, 10
CLAIMS = "https://api.openai.com/auth"


@dataclass(slots=True)
class Account:
    """One credential. seen: what its file looked like; refreshed: shown as `last_refresh` where it was uploaded.

    Attributes:
        retry: Shown as `next_retry_after`.
    """

    name: str
    path: Path
    tree: Tree
    index: str
    created: str
    seen: tuple[int, int]
    digest: str
    updated: str = ""
    refreshed: str = ""
    status: str = "active"
    message: str = ""
    unavailable: bool = False
    retry: str = ""
    benches: Benches = field(default_factory=Benches)
    results: list[tuple[datetime, bool]] = field(default_factory=list)

    @property
    def provider(self) -> str:
        """Name its provider."""
        kind = str(self.tree.get("type") or "unknown").lower()
        return PROVIDERS.get(kind, kind)

    @property
    def disabled(self) -> bool:
        """Say whether it is switched off."""
        return bool(self.tree.get("disabled"))

    @property
    def person(self) -> str:
        """Name whose it is."""
        return str(self.tree.get("email") or self.tree.get("username") or "")


class Accounts:
    """All credentials of one folder."""

    def __init__(self, folder: Path, contract: Contract, log: Callable[[str], None]) -> None:
        self.folder, self.contract, self.log = folder, contract, log
        self.by_name: dict[str, Account] = {}
        self._started = False

    def scan(self) -> None:
        """Look at the folder: take in what is new or changed, drop what has gone."""
        found: set[str] = set()
        for name, seen in self._files():
            found.add(name)
            known = self.by_name.get(name)
            if known is None or known.seen != seen:
                self._take_in(name, seen, known)
        for name in [name for name in self.by_name if name not in found]:
            del self.by_name[name]
        self._started = True

    def _files(self) -> list[tuple[str, tuple[int, int]]]:
        try:
            with os.scandir(self.folder) as entries:
                about = [(one.name, one.stat()) for one in entries if _is_auth_file(one)]
        except OSError:
            return []  # the folder, or a file in it, has just gone: the next look will tell
        return [(name, (stat.st_mtime_ns, stat.st_size)) for name, stat in about]

    def _take_in(self, name: str, seen: tuple[int, int], known: Account | None) -> None:
        path = self.folder / name
        try:
            data = path.read_bytes()
            tree = json.loads(data)
        except (OSError, ValueError):
            return
        if not isinstance(tree, dict) or not (tree.get("type") or known):
            return
        if self.contract.newer and str(tree.get("type")).lower() in ("gemini", "gemini-cli"):
            return
        digest = hashlib.sha256(data).hexdigest()
        if known and known.digest == digest:
            known.seen = seen
            return
        self.by_name[name] = self._account(path, tree, seen, digest, known)
        self.log(f"auth file {'changed' if known else 'added'}: {name}")

    def _account(self, path: Path, tree: Tree, seen: tuple[int, int], digest: str, known: Account | None) -> Account:
        kind = "id:" if self._started else "file:"
        index = known.index if known else hashlib.sha256(f"{kind}{path.name}".encode()).hexdigest()[:16]
        account = Account(path.name, path, tree, index, known.created if known else now(), seen, digest, now())
        account.status = "disabled" if account.disabled else "active"
        if known:
            account.refreshed, account.results = known.refreshed, known.results
        return account

    # --- writing

    def register(self, name: str, tree: Tree) -> None:
        """Take in an uploaded credential: it is saved again, minified, its keys sorted, with `disabled`."""
        self.save(self.folder / name, {"disabled": False, **tree})
        self.by_name.pop(name, None)
        started, self._started = self._started, False  # an upload is numbered like a file found at the start
        path = self.folder / name
        stat, data = path.stat(), path.read_bytes()
        seen, digest = (stat.st_mtime_ns, stat.st_size), hashlib.sha256(data).hexdigest()
        account = self._account(path, json.loads(data), seen, digest, None)
        account.refreshed = str(tree.get("last_refresh") or "")
        self.by_name[name] = account
        self._started = started

    def save(self, path: Path, tree: Tree) -> None:
        """Write a credential in place; its mode stays, a new file gets what the umask leaves."""
        path.write_text(json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")

    def update(self, name: str, changes: Tree) -> Account:
        """Change keys of a credential's file."""
        known = self.by_name[name]
        self.save(known.path, {**known.tree, **changes})
        self.scan()
        if self.contract.newer:
            self.by_name[name].refreshed = ""
        return self.by_name[name]

    def note(self, account: Account, model: str, status: int, message: str, at: float, cooling: bool) -> None:
        """Note how a question went; the first one after a file was written by hand rewrites it and is forgotten.

        Args:
            status: 200, or the vendor's refusal.
            at: The monotonic clock.
        """
        account.results.append((datetime.now(UTC), status == 200))
        del account.results[:-1000]
        if "disabled" not in account.tree:
            account = self.update(account.name, {"disabled": False})
            account.status, account.message = ("active", "") if status == 200 else ("error", message)
            return
        if status == 200:
            account.benches.succeed(model)
            account.status, account.message, account.unavailable = "active", "", False
            return
        benched = account.benches.fail(model, status, at, cooling, self.contract.newer)
        account.status, account.message, account.unavailable = "error", message, benched
        account.retry = stamp(datetime.now(UTC) + timedelta(seconds=account.benches.left(model, at)))

    def free(self, account: Account) -> list[str]:
        """End what an account sits out; give the models it concerned."""
        models = sorted(account.benches.by_model)
        account.benches.by_model.clear()
        account.status, account.message, account.unavailable = "active", "", False
        return models

    # --- what is shown

    def models(self, account: Account) -> list[Tree]:
        """List the models a credential brings; none while it is disabled."""
        left_out = account.tree.get("excluded_models") or ()
        listed = versions.models(self.contract, account.provider)
        return [] if account.disabled else [one for one in listed if one["id"] not in left_out]

    def entries(self) -> list[Tree]:
        """List the credentials as `/auth-files` does, by lower-case name."""
        names = sorted(self.by_name, key=str.lower)
        return [self._entry(self.by_name[name]) for name in names if self.by_name[name].path.exists()]

    def _entry(self, one: Account) -> Tree:
        stat = one.path.stat()
        modified = datetime.fromtimestamp(stat.st_mtime, UTC).isoformat().replace("+00:00", "Z")
        entry: Tree = {
            "auth_index": one.index,
            "created_at": one.created,
            "disabled": one.disabled,
            "id": one.name,
            "label": str(one.tree.get("email") or "") or one.provider,
            "modtime": modified,
            "name": one.name,
            "path": str(one.path),
            "provider": one.provider,
            "runtime_only": False,
            "size": stat.st_size,
            "source": "file",
            "status": one.status,
            "status_message": one.message,
            "type": one.provider,
            "unavailable": one.unavailable,
            "updated_at": one.updated,
        }
        if one.person or self.contract.newer:
            entry["account_type"] = "oauth"
        if one.person:
            entry["account"] = one.person
        optional = {"email": one.tree.get("email"), "id_token": claims(one.tree), "last_refresh": one.refreshed}
        entry |= {name: value for name, value in optional.items() if value}
        return entry | self._counts(one) if self.contract.newer else entry

    def _counts(self, one: Account) -> Tree:
        right = sum(ok for _, ok in one.results)
        counts: Tree = {"success": right, "failed": len(one.results) - right, "recent_requests": buckets(one.results)}
        if one.unavailable:
            counts["next_retry_after"] = one.retry
        return counts


def _is_auth_file(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(".json") and entry.is_file()


def claims(tree: Tree) -> Tree:
    """Read what an id token says of its account; nothing where it cannot be read."""
    try:
        payload = str(tree.get("id_token") or "").split(".")[1]
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        about = said.get(CLAIMS) or {}
    except (IndexError, ValueError, binascii.Error, AttributeError):
        return {}
    named = {"chatgpt_account_id": about.get("chatgpt_account_id"), "plan_type": about.get("chatgpt_plan_type")}
    return {name: value for name, value in named.items() if value}


def buckets(results: list[tuple[datetime, bool]]) -> list[Tree]:
    """Count results in the last steps of ten minutes."""
    width = timedelta(minutes=BUCKET_MINUTES)
    present = datetime.now(UTC).replace(second=0, microsecond=0)
    last = present - timedelta(minutes=present.minute % BUCKET_MINUTES)
    rows = []
    for back in reversed(range(BUCKETS)):
        begin = last - back * width
        inside = [ok for at, ok in results if begin <= at < begin + width]
        span = f"{begin:%H:%M}-{begin + width:%H:%M}"
        rows.append({"time": span, "success": sum(inside), "failed": len(inside) - sum(inside)})
    return rows


def now() -> str:
    """Write the time as the real program does."""
    return stamp(datetime.now(UTC))


def stamp(moment: datetime) -> str:
    """Write a moment as the real program does."""
    return moment.isoformat().replace("+00:00", "Z")
