"""The providers, and what the installed program supports of each."""

from __future__ import annotations

from typing import TypedDict

from flowgate.accounts import installed_program
from flowgate.accounts.installed_program import InstalledProgram
from flowgate.accounts.login_driver import LoginDriver, management_key
from flowgate.accounts.management_api import inspect_server
from flowgate.accounts.providers import KNOWN, find
from flowgate.cli import console
from flowgate.cli.checks import runtime
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.errors import UsageError
from flowgate.gateway import cliproxy, southbound
from flowgate.system.clock import Clock

LOGIN_KINDS = {"browser": "in a browser", "device": "with a code", "poll": "at the paths in the config"}
ProviderRow = TypedDict("ProviderRow", {"name": str, "title": str, "login": str, "why": str, "import": str})


def list_providers(config: str, as_json: bool) -> int:
    """Print what each provider supports with the installed version.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print a JSON document.

    Returns:
        The exit code.
    """
    session = open_to_read(config)
    southbound.require_accounts(session.config, "nothing can log in to a provider")
    program, embedded = _program(session), cliproxy.is_embedded(session.config)
    version = program.version
    names = list(dict.fromkeys([*KNOWN, *session.config.providers]))
    rows = [_provider_row(session, name, program) for name in names]
    if as_json:
        console.document({"cliproxyapi_plus_version": version, "embedded": embedded, "providers": rows})
        return 0
    console.note(session.describe())
    if embedded:
        console.note("the embedded upstream is in use: its accounts are fake, and its own page approves every login")
    else:
        unknown = "CLIProxyAPIPlus is not installed, or its version is not known"
        console.note(f"CLIProxyAPIPlus {version}" if version else unknown)
    shown = [[one["name"], one["title"], one["login"] or f"no: {one['why']}", one["import"] or "-"] for one in rows]
    console.table([["provider", "", "login", "import"], *shown])
    return 0


def _provider_row(session: Session, name: str, program: InstalledProgram) -> ProviderRow:
    try:
        provider = find(name, session.config.providers, session.config.place(f"auth.providers.{name}"))
    except UsageError as error:
        return {"name": name, "title": name, "login": "", "why": error.what, "import": ""}
    supported = provider.login_path(program.version) is not None
    flag = provider.cli_flag
    why = "not in this version"
    if flag and program.has_flag(flag):
        why = f"only by its own command line ({flag})"
    elif flag and program.has_flag(flag) is None:
        why = f"not by its API; whether its command line has {flag} is not known"
    return {
        "name": name,
        "title": provider.title,
        "login": LOGIN_KINDS[provider.flow] if supported else "",
        "why": "" if supported else why,
        "import": f"from {provider.login_file}" if provider.login_file else "",
    }


def _program(session: Session) -> InstalledProgram:
    """Return what the program that a start would run says of itself."""
    context = runtime.read_only_context(session, [])
    if session.config.remote:
        return installed_program.recorded(LoginDriver(context, management_key(context)).run(inspect_server("")).version)
    version = context.upstream_version()
    if cliproxy.is_embedded(session.config):
        return installed_program.recorded(version)
    return installed_program.ask(cliproxy.binary(session.config), version, Clock())
