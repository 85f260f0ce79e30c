"""Accounts: what each provider can do with this program, which accounts there are, and logging in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flowgate.accounts.providers import KNOWN, Provider, find
from flowgate.cli import console
from flowgate.cli.requests import RunRequest
from flowgate.cli.session import Session, open_session
from flowgate.errors import FlowGateError, UnknownName, UsageError
from flowgate.gateway import cliproxy

LOGIN = "inv auth.login PROVIDER"


def list_providers(config: str, as_json: bool) -> int:
    """Print what each provider can do with the program that is installed."""
    session = open_session(config)
    version = _version(session)
    names = list(dict.fromkeys([*KNOWN, *session.config.providers]))
    rows = [_provider(session, name, version) for name in names]
    if as_json:
        console.document(
            {"cliproxyapi_plus_version": version, "embedded": cliproxy.is_embedded(session.config), "providers": rows}
        )
        return 0
    console.note(session.describe())
    if cliproxy.is_embedded(session.config):
        console.note(
            "over the embedded upstream: its accounts are made up, its approve page stands in for every vendor"
        )
    else:
        console.note(
            f"CLIProxyAPIPlus {version}" if version else "CLIProxyAPIPlus is not installed, or of no known version"
        )
    shown = [[one["name"], one["title"], one["login"] or f"no: {one['why']}", one["import"] or "-"] for one in rows]
    console.table([["provider", "", "login", "import"], *shown])
    return 0


def _provider(session: Session, name: str, version: str) -> dict[str, Any]:
    try:
        about = find(name, session.config.providers, session.config.place(f"auth.providers.{name}"))
    except UsageError as mistake:
        return {"name": name, "title": name, "login": "", "why": mistake.what, "import": ""}
    ways = {"browser": "in a browser", "device": "with a code", "poll": "at the addresses in the config"}
    can = about.start(version) is not None
    by_hand = f"only by its own command line ({about.flag})" if about.flag else "not in this version"
    return {
        "name": name,
        "title": about.title,
        "login": ways[about.flow] if can else "",
        "why": "" if can else by_hand,
        "import": f"from {about.held}" if about.held else "",
    }


def _version(session: Session) -> str:
    """Say which version is installed; empty when nobody knows."""
    from flowgate.cli.checks.runtime import read_only_context

    return read_only_context(session, []).upstream_version()


# --- the accounts there are


def status(config: str, as_json: bool) -> int:
    """Print every account: whose it is, until when, and whether its file is private; never a token."""
    session = open_session(config)
    listed, why = _listed(session)
    rows = [_account(path, listed.get(path.name)) for path in _files(session)]
    if as_json:
        console.document({"folder": str(cliproxy.auth_folder(session.config)), "asked": not why, "accounts": rows})
        return 0
    console.note(session.describe())
    if why:
        console.note(f"note: {why}; this is what the files say")
    if not rows:
        console.note(f"no account yet in {cliproxy.auth_folder(session.config)}")
        console.note(f"way out: {LOGIN}")
        return 0
    head = ["provider", "account", "expires", "state", "file", "mode"]
    console.table([head, *([one[key] or "-" for key in head] for one in rows)])
    for one in rows:
        if not one["private"]:
            console.note(f"! {one['path']} can be read by others ({one['mode']}); chmod 600 {one['path']}")
        if one["message"]:
            console.note(f"! {one['file']}: {one['message']}")
    return 0


def _files(session: Session) -> list[Path]:
    from flowgate.system import files

    return sorted(files.listing(cliproxy.auth_folder(session.config), "*.json"), key=lambda path: path.name.lower())


def _account(path: Path, entry: dict[str, Any] | None) -> dict[str, Any]:
    from flowgate.accounts import token_files
    from flowgate.system import files, permissions

    try:
        tree = json.loads(files.read_text_or_none(path) or "null")
    except (ValueError, FlowGateError):
        tree = None
    sound = tree if isinstance(tree, dict) else {}
    expires = token_files.expiry(sound)
    mode = permissions.mode(path) or 0
    about = entry or {}
    state = str(about.get("status") or ("disabled" if sound.get("disabled") else "on disk"))
    return {
        "provider": str(about.get("provider") or sound.get("type") or "unknown"),
        "account": str(about.get("label") or sound.get("email") or sound.get("username") or ""),
        "expires": token_files.stamp(expires) if expires else "",
        "disabled": bool(about.get("disabled") or sound.get("disabled")),
        "state": state if tree else "damaged",
        "message": " ".join(str(about.get("status_message") or "").split())[:200],
        "file": path.name,
        "path": str(path),
        "mode": f"{mode:03o}",
        "private": not mode & permissions.FOR_OTHERS,
    }


def _listed(session: Session) -> tuple[dict[str, dict[str, Any]], str]:
    """Ask the running program for its accounts, by file name; else say why it was not asked."""
    if session.supervisor.generation(cliproxy.NAME) is None:
        return {}, f"{cliproxy.NAME} is not running"
    from flowgate.accounts import management_api
    from flowgate.accounts.login_driver import LoginDriver, stated_version
    from flowgate.cli.checks.runtime import read_only_context
    from flowgate.steps.login import management_key

    context = read_only_context(session, [])
    try:
        before = LoginDriver(context, management_key(context, KNOWN["codex"])).run(
            management_api.first_look(stated_version(context))
        )
    except FlowGateError as error:
        return {}, error.what
    return {name: dict(entry) for name, entry in before.files.items()}, ""


# --- logging in


def login(config: str, provider: str, **wanted: Any) -> int:
    """Log in to a provider; CLIProxyAPIPlus is started for it when it does not run.

    Args:
        config: Path after `--config`; empty to search for the config.
        provider: Name of the provider.
        **wanted: Variables of the login playbook.

    Returns:
        The exit code.
    """
    from flowgate.cli.play import run_in

    session = open_session(config, quiet=True)
    about = _known(session, provider)
    waits_elsewhere = bool(wanted.get("redirect_url"))  # the command that waits there holds the lock
    request = RunRequest(
        "login",
        {"provider": about.name, **wanted},
        profile="",
        event="oauth_login",
        provider=about.name,
        exclusive=not waits_elsewhere,
    )
    return run_in(session, request)


def import_headless(config: str, provider: str, source: str, dest_dir: str, borrow: bool) -> int:
    """Import a login that a provider's own program holds on this machine.

    Args:
        config: Path after `--config`; empty to search for the config.
        provider: Name of the provider.
        source: Its login file; empty for the usual place.
        dest_dir: The auth folder; empty for FlowGate's own.
        borrow: Leave the refresh token out.

    Returns:
        The exit code.
    """
    from flowgate.cli.play import run_in

    session = open_session(config, quiet=True)
    importable = sorted(one.name for one in KNOWN.values() if one.held)
    if provider not in importable:
        known = _known(session, provider)
        what = f"a login of {known.title} cannot be imported"
        raise UsageError(what, fix=f"importable: {', '.join(importable)}; or inv auth.login {known.name}")
    variables = {"provider": provider, "source": source, "dest_dir": dest_dir, "borrow": borrow}
    return run_in(session, RunRequest("import-auth", variables, event="auth_import", provider=provider))


def _known(session: Session, provider: str) -> Provider:
    if provider not in KNOWN and provider not in session.config.providers:
        raise UnknownName("provider", provider, known=sorted({*KNOWN, *session.config.providers}))
    return find(provider, session.config.providers, session.config.place(f"auth.providers.{provider}"))
