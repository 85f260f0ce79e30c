"""Take over a login that a provider's own program holds."""

import json
from datetime import datetime
from pathlib import Path

from flowgate.accounts import token_files
from flowgate.accounts.providers import KNOWN
from flowgate.accounts.token_files import IMPORTERS, AccountFile, Importer
from flowgate.domain import Tree
from flowgate.errors import CheckFailed, UnknownName, UsageError
from flowgate.gateway import cliproxy, install_record
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps._refresh_upstream_config import recount


def import_auth(
    context: StepContext, provider: str, source: str = "", dest_dir: str = "", borrow: bool = False
) -> Result | Change:
    """Take over a login that a provider's own program holds.

    Args:
        context: Tools and state of this run.
        provider: Codex or claude.
        source: Its file; where that program keeps it when empty.
        dest_dir: The auth folder; FlowGate's own when empty.
        borrow: Leave the refresh token out: works until it expires, and its owner stays logged in.

    Returns:
        Name (of the account's file), path, label, expires.

    Raises:
        UsageError: A file that holds no login.
        CheckFailed: One that would be of no use.
    """
    if provider not in IMPORTERS:
        raise UnknownName("import", provider, known=sorted(IMPORTERS))
    handler = IMPORTERS[provider]
    file = Path(source).expanduser().absolute() if source else usual_source(context, provider)
    now = context.clock.wall()
    mapped = _mapped(context, handler, file, now)
    mapped = token_files.borrowed(mapped) if borrow else mapped
    over = mapped.expires is not None and mapped.expires <= now
    if over and "refresh_token" not in mapped.tree:
        when = token_files.stamp(mapped.expires) if mapped.expires else ""
        raise CheckFailed(f"that login expired {when}", fix=f"use {handler.owner} once, it renews it; or log in anew")
    folder = Path(dest_dir).expanduser().absolute() if dest_dir else cliproxy.auth_folder(context.config)
    path = folder / mapped.name
    facts = _facts(mapped, path)
    there = _tree(context.files.read(path))
    if there and all(there.get(key) == value for key, value in mapped.tree.items() if key != "last_refresh"):
        return unchanged(f"{mapped.name} holds that login already", **facts)
    if there and _is_newer(there, mapped):
        what = f"{path} was renewed since: its tokens are newer than those of {handler.owner}"
        raise CheckFailed(what, fix=f"to take {handler.owner}'s all the same, delete that file first")

    def apply(r: StepContext) -> Facts:
        r.files.make_folder(folder)
        r.files.write(path, json.dumps(mapped.tree, indent=2, sort_keys=True) + "\n")
        _warn(r, handler, mapped, borrow)
        recount(r)
        return {**facts, "message": f"{mapped.label or mapped.name} → {path}"}

    return change(f"write {path}", apply, facts=facts)


def usual_source(context: StepContext, provider: str) -> Path:
    """Say where a provider's own program keeps its login."""
    usual = Path(KNOWN[provider].held)
    if folder := context.environment.get(IMPORTERS[provider].variable):
        return Path(folder).expanduser().absolute() / usual.name
    return usual.expanduser()


def _mapped(context: StepContext, handler: Importer, file: Path, now: datetime) -> AccountFile:
    text = context.files.read(file)
    if text is None:
        fix = f"log in with {handler.owner} first, or name its file with --source"
        raise UsageError(f"there is no login of {handler.owner} at {file}", fix=fix)
    found = _tree(text)
    if not found:
        raise UsageError("that file is no login: it holds no JSON mapping", place=str(file))
    beside = _tree(context.files.read(file.parent.parent / ".claude.json")) if file.name == ".credentials.json" else {}
    lock = install_record.read(context.files.read(install_record.install_paths(context.config).lock))
    version = "" if cliproxy.is_embedded(context.config) or lock is None else lock.version
    try:
        return handler.read({**found, "oauthAccount": beside.get("oauthAccount")}, version, now)
    except UsageError as mistake:
        raise UsageError(mistake.what, place=str(file), fix=mistake.fix) from None


def _tree(text: str | None) -> Tree:
    try:
        tree = json.loads(text or "null")
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _is_newer(there: Tree, mapped: AccountFile) -> bool:
    expires = token_files.expiry(there)
    return expires is not None and mapped.expires is not None and expires > mapped.expires


def _warn(context: StepContext, handler: Importer, mapped: AccountFile, borrow: bool) -> None:
    """Say what two owners of one login means."""
    until = token_files.stamp(mapped.expires) if mapped.expires else "it expires"
    if borrow:
        context.emit(f"borrowed: works until {until}; {handler.owner} stays its owner; import it again then")
    elif "refresh_token" in mapped.tree:
        context.emit(
            f"note: this copy and {handler.owner} now share a refresh token that works once: whoever renews first logs "
            f"the other out. --borrow leaves it out; a login of its own (inv auth.login) is best"
        )


def _facts(mapped: AccountFile, path: Path) -> Facts:
    expires = token_files.stamp(mapped.expires) if mapped.expires else ""
    return {"name": mapped.name, "path": str(path), "label": mapped.label, "expires": expires}
