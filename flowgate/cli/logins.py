"""Logging accounts in, and importing a login that a provider's own program stores on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flowgate.accounts.providers import KNOWN, Provider, find
from flowgate.accounts.stand_in import require_real_upstream
from flowgate.cli import service_faults
from flowgate.cli.requests import RunRequest
from flowgate.cli.session import Session, open_session
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway import cliproxy, southbound

if TYPE_CHECKING:
    from flowgate.domain import Variables


def login(config: str, provider: str, **options: Any) -> int:
    """Log in to a provider; CLIProxyAPIPlus is started for it if it is not running.

    Args:
        config: Path after `--config`; empty to search for the config.
        provider: Name of the provider.
        **options: Variables of the login playbook.

    Returns:
        The exit code.

    Raises:
        UsageError: The provider is unknown, or nothing that runs could keep its account.
    """
    from flowgate.cli.play import run_in

    session = open_session(config, quiet=True)
    require_real_upstream(session.config, session.supervisor.generation(cliproxy.NAME), provider)
    name = _known(session, provider).name
    service_faults.print_other_config(session)
    is_second_command = bool(options.get("redirect_url"))  # the first one waits for the login, and has the lock
    request = RunRequest(
        "login",
        {"provider": name, **options},
        profile="",
        event="oauth_login",
        provider=name,
        exclusive=not is_second_command,
    )
    return run_in(session, request)


def import_headless(config: str, provider: str, source: str, dest_dir: str, borrow: bool) -> int:
    """Import a login that a provider's own program stores on this machine.

    Args:
        config: Path after `--config`; empty to search for the config.
        provider: Name of the provider.
        source: The program's file; empty: its usual place.
        dest_dir: The auth folder; empty: FlowGate's own.
        borrow: Leave out the refresh token.

    Returns:
        The exit code.

    Raises:
        UsageError: Logins of this provider cannot be imported.
    """
    from flowgate.cli.play import run_in

    session = open_session(config, quiet=True)
    southbound.require(session.config, f"nothing would use an account of {provider}")
    importable = sorted(one.name for one in KNOWN.values() if one.login_file)
    if provider not in importable:
        known = _known(session, provider)
        what = f"a login of {known.title} cannot be imported"
        raise UsageError(what, fix=f"importable: {', '.join(importable)}; or {known.login_command}")
    variables: Variables = {"provider": provider, "source": source, "dest_dir": dest_dir, "borrow": borrow}
    return run_in(session, RunRequest("import-auth", variables, event="auth_import", provider=provider))


def _known(session: Session, provider: str) -> Provider:
    if provider not in KNOWN and provider not in session.config.providers:
        raise UnknownName("provider", provider, known=sorted({*KNOWN, *session.config.providers}))
    return find(provider, session.config.providers, session.config.place(f"auth.providers.{provider}"))
