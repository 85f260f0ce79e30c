"""Import a login that a provider's own program stores."""

import json
from datetime import datetime
from pathlib import Path

from flowgate.accounts import token_files
from flowgate.accounts.providers import KNOWN
from flowgate.accounts.token_files import IMPORTERS, AccountFile, Importer
from flowgate.errors import CheckFailed, UnknownName, UsageError
from flowgate.gateway import cliproxy, install_record, southbound
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps._refresh_upstream_config import refresh_upstream_config


def import_auth(
    context: StepContext, provider: str, source: str = "", dest_dir: str = "", borrow: bool = False
) -> Result | Change:
    """Import a login that a provider's own program stores.

    Args:
        context: Tools and state of this run.
        provider: codex or claude.
        source: The program's file; default is its usual place.
        dest_dir: The auth folder; default is FlowGate's own.
        borrow: Leave out the refresh token: the account works until it expires, and the program stays logged in.

    Returns:
        `name` (of the account's file), `path`, `label`, `expires`.

    Raises:
        UsageError: The file contains no login, or the gateway has no CLIProxyAPIPlus.
        CheckFailed: The login has expired, or the existing account is newer.
    """
    southbound.require(context.config, f"nothing would use an account of {provider}")
    if provider not in IMPORTERS:
        raise UnknownName("import", provider, known=sorted(IMPORTERS))
    importer = IMPORTERS[provider]
    file = Path(source).expanduser().absolute() if source else usual_source(context, provider)
    now = context.clock.wall()
    account = _convert(context, importer, file, now)
    account = token_files.without_refresh_token(account) if borrow else account
    if account.expires <= now and "refresh_token" not in account.content:
        what = f"this login expired {token_files.stamp(account.expires)}"
        raise CheckFailed(what, fix=f"use {importer.owner} once, which renews it, or log in again")
    folder = Path(dest_dir).expanduser().absolute() if dest_dir else cliproxy.auth_folder(context.config)
    path = folder / account.name
    facts = _facts(account, path)
    existing = _parse(context.files.read(path))
    if existing and all(existing.get(key) == value for key, value in account.content.items() if key != "last_refresh"):
        return unchanged(f"{account.name} already contains this login", **facts)
    expiry = token_files.expiry(existing)
    if expiry is not None and expiry > account.expires:
        what = f"{path} was refreshed since: its tokens are newer than those of {importer.owner}"
        raise CheckFailed(what, fix=f"to use those of {importer.owner}, delete that file first")

    def apply(acting: StepContext) -> Facts:
        acting.files.make_folder(folder)
        acting.files.write(path, json.dumps(account.content, indent=2, sort_keys=True) + "\n")
        _warn(acting, importer, account, borrow)
        refresh_upstream_config(acting)
        return {**facts, "message": f"imported {account.label or account.name} to {path}"}

    return change(f"write {path}", apply, facts=facts)


def usual_source(context: StepContext, provider: str) -> Path:
    """Return the file in which a provider's own program stores its login.

    Args:
        context: Tools and state of this run.
        provider: Name of the provider.

    Returns:
        The file; the program's own environment variable may name another folder.
    """
    usual = Path(KNOWN[provider].login_file)
    if folder := context.environment.get(IMPORTERS[provider].variable):
        return Path(folder).expanduser().absolute() / usual.name
    return usual.expanduser()


def _convert(context: StepContext, importer: Importer, file: Path, now: datetime) -> AccountFile:
    text = context.files.read(file)
    if text is None:
        fix = f"log in with {importer.owner} first, or name its file with --source"
        raise UsageError(f"there is no login of {importer.owner} at {file}", fix=fix)
    found = _parse(text)
    if not found:
        raise UsageError("this file is not a login: it contains no JSON object", place=str(file))
    beside = _parse(context.files.read(file.parent.parent / ".claude.json")) if file.name == ".credentials.json" else {}
    record = install_record.read(context.files.read(install_record.install_paths(context.config).lock))
    version = "" if cliproxy.is_embedded(context.config) or record is None else record.version
    try:
        return importer.convert({**found, "oauthAccount": beside.get("oauthAccount")}, version, now)
    except UsageError as error:
        raise UsageError(error.what, place=str(file), fix=error.fix) from None


def _parse(text: str | None) -> dict[str, object]:
    try:
        tree = json.loads(text or "null")
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _warn(context: StepContext, importer: Importer, account: AccountFile, borrow: bool) -> None:
    """Warn about two programs that use one login."""
    if borrow:
        until = token_files.stamp(account.expires)
        context.emit(f"this copy works until {until}; then import it again. {importer.owner} stays logged in")
    elif "refresh_token" in account.content:
        context.emit(
            f"note: this copy and {importer.owner} now share a refresh token that works once: whichever refreshes"
            f" first logs the other out. --borrow leaves it out; a separate login (inv auth.login) is best"
        )


def _facts(account: AccountFile, path: Path) -> Facts:
    expires = token_files.stamp(account.expires)
    return {"name": account.name, "path": str(path), "label": account.label, "expires": expires}
