"""Errors about a CLIProxyAPIPlus that the gateway does not have, each with what it would need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.errors import UsageError
from flowgate.gateway import remote_upstream, upstream_command

if TYPE_CHECKING:
    from flowgate.domain import Config

NAME = upstream_command.NAME
SOURCES = "inv bootstrap.sources"
SECTION = f"write `{NAME}: {{}}` below `services`"


def require(config: Config, what: str) -> None:
    """Raise an error if the gateway has no CLIProxyAPIPlus.

    Args:
        config: The config.
        what: What cannot be done without it, as a sentence.

    Raises:
        UsageError: There is none.
    """
    if config.remote:
        raise remote_upstream.elsewhere(config, what)
    if not upstream_command.is_configured(config):
        why = f"this gateway has no CLIProxyAPIPlus: the config has no services.{NAME}"
        fix = f"to add one: {SECTION}, and install it ({SOURCES} lists where it can be had)"
        raise UsageError(f"{what}; {why}", place=config.place("services"), fix=fix)


def require_accounts(config: Config, what: str) -> None:
    """Raise an error if the gateway has no accounts that it may manage.

    Args:
        config: The config.
        what: What cannot be done without them, as a sentence.

    Raises:
        UsageError: There is no CLIProxyAPIPlus, or it runs elsewhere and its management is closed to this gateway.
    """
    if config.remote is None:
        require(config, what)
    elif not config.remote.management_key:
        raise remote_upstream.management_closed(config, what)


def require_service(config: Config, service: str) -> None:
    """Raise an error if a command names a service that the gateway does not have.

    Args:
        config: The config.
        service: The name, or another word ("all").

    Raises:
        UsageError: The gateway has no such service.
    """
    if service == NAME:
        require(config, "nothing is done" if config.remote else f"there is no service {NAME}")


def not_installed(config: Config, program: str) -> UsageError | None:
    """Return the error for a missing program that no section of the config names; None if a section names it.

    Args:
        config: The config.
        program: The path of the missing program.
    """
    if config.implied is None:
        return None
    what = f"{config.implied.why} needs CLIProxyAPIPlus, which is neither in `services` nor installed ({program})"
    what += config.implied.others
    fix = f"{SECTION} and install it ({SOURCES}), or correct this setting: without it, LiteLLM runs alone"
    return UsageError(what, place=config.implied.place, fix=fix)
