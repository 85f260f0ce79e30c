"""Accounts: which exist, from their files and from the program if it runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

from flowgate.cli import console
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy, southbound
from flowgate.system import files, permissions

if TYPE_CHECKING:
    from flowgate.accounts.management_api import AuthFile

LOGIN = "inv auth.login PROVIDER"


class AccountRow(TypedDict):
    """One account, as `--json` prints it; docs/json.md documents the keys."""

    provider: str
    account: str
    expires: str
    disabled: bool
    state: str
    message: str
    file: str
    path: str
    mode: str
    private: bool


class FoundAccounts(NamedTuple):
    """The accounts.

    Attributes:
        folder: Where their files are: a folder, or the address of a remote.
        why: Why the program could not be asked; empty if it was.
        rows: The accounts.
    """

    folder: str
    why: str
    rows: list[AccountRow]


def status(config: str, as_json: bool) -> int:
    """Print every account: its provider, label and expiry, and whether its file is private; never a token.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print a JSON document.

    Returns:
        The exit code.
    """
    session = open_to_read(config)
    folder, why, rows = collect(session)
    if as_json:
        console.document({"folder": folder, "asked": not why, "accounts": rows})
        return 0
    console.note(session.describe())
    if why:
        console.note(f"note: {why}; this is the content of the files")
    if not rows:
        console.note(f"there are no accounts {'at' if session.config.remote else 'in'} {folder}")
        console.note(f"  fix: {LOGIN}")
        return 0
    console.table([("provider", "account", "expires", "state", "file", "mode"), *map(_cells, rows)])
    for one in rows:
        if not one["private"]:
            console.note(f"! other users can read {one['path']} ({one['mode']}): chmod 600 {one['path']}")
        if one["message"]:
            console.note(f"! {one['file']}: {one['message']}")
    return 0


def collect(session: Session) -> FoundAccounts:
    """Collect the accounts, from their files and from the program if it runs.

    Args:
        session: Config and supervisor.

    Raises:
        UsageError: The config has no program for accounts.
    """
    southbound.require_accounts(session.config, _unknown(session))
    if session.config.remote:
        found = sorted(_ask(session).values(), key=lambda one: one.name.lower())
        return FoundAccounts(session.config.remote.url, "", [_remote_row(one) for one in found])
    listed, why = _listed(session)
    folder = cliproxy.auth_folder(session.config)
    paths = sorted(files.listing(folder, "*.json"), key=lambda path: path.name.lower())
    return FoundAccounts(str(folder), why, [_account_row(path, listed.get(path.name)) for path in paths])


def _account_row(path: Path, listed: AuthFile | None) -> AccountRow:
    from flowgate.accounts import token_files

    content, readable = _content(path)
    expires = token_files.expiry(content)
    mode = permissions.mode(path) or 0
    disabled = bool(content.get("disabled") or (listed and listed.disabled))
    state = (listed.status if listed else "") or ("disabled" if disabled else "on disk")
    return {
        "provider": (listed.provider if listed else "") or str(content.get("type") or "unknown"),
        "account": (listed.label if listed else "") or str(content.get("email") or content.get("username") or ""),
        "expires": token_files.stamp(expires) if expires else "",
        "disabled": disabled,
        "state": state if readable else "damaged",
        "message": " ".join(listed.status_message.split())[:200] if listed else "",
        "file": path.name,
        "path": str(path),
        "mode": f"{mode:03o}",
        "private": not mode & permissions.FOR_OTHERS,
    }


def _unknown(session: Session) -> str:
    return "the accounts are not known here" if session.config.remote else "there can be no accounts"


def _remote_row(listed: AuthFile) -> AccountRow:
    """Return an account of a remote CLIProxyAPIPlus, whose file cannot be seen from here."""
    return {
        "provider": listed.provider or "unknown",
        "account": listed.label,
        "expires": "",
        "disabled": listed.disabled,
        "state": listed.status or ("disabled" if listed.disabled else "unknown"),
        "message": " ".join(listed.status_message.split())[:200],
        "file": listed.name,
        "path": "",
        "mode": "",
        "private": True,
    }


def _cells(row: AccountRow) -> list[str]:
    cells = [row["provider"], row["account"], row["expires"], row["state"], row["file"], row["mode"]]
    return [cell or "-" for cell in cells]


def _content(path: Path) -> tuple[Mapping[str, object], bool]:
    """Return the content of an account's file, and whether it could be read."""
    try:
        tree = json.loads(files.read_text_or_none(path) or "null")
    except (ValueError, FlowGateError):
        tree = None
    return (tree if isinstance(tree, dict) else {}), bool(tree)


def _listed(session: Session) -> tuple[Mapping[str, AuthFile], str]:
    """Request the accounts of the running program, by file name; if it cannot be asked, return why."""
    if session.supervisor.generation(cliproxy.NAME) is None:
        return {}, f"{cliproxy.NAME} is not running"
    try:
        return _ask(session), ""
    except FlowGateError as error:
        return {}, error.what


def _ask(session: Session) -> Mapping[str, AuthFile]:
    """Request the accounts of the program, by file name."""
    from flowgate.accounts.login_driver import LoginDriver, management_key, started_version
    from flowgate.accounts.management_api import inspect_server
    from flowgate.cli.checks import runtime

    context = runtime.read_only_context(session, [])
    driver = LoginDriver(context, management_key(context))
    return driver.run(inspect_server(started_version(context))).files
