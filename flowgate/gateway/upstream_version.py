"""Which path of CLIProxyAPIPlus reports readiness without a cost; it depends on the version.

Source: 7.2.101-1 answers `/healthz` and `/`; v6.8.16-0 answers `/`, and `/healthz` with 404.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowgate.gateway import upstream_command
from flowgate.gateway.cliproxy import binary, is_configured, is_embedded

if TYPE_CHECKING:
    from flowgate.domain import Config

HEALTHZ, ROOT = "/healthz", "/"
CONTRACT = "contract"  # flag of the embedded upstream: the version that it imitates


def version(config: Config, lock: str | None) -> str:
    """Return the version that a start would run; an empty string if it is unknown.

    Args:
        config: The config.
        lock: The text of the lock file beside the installed program.
    """
    from flowgate.gateway import install_record

    if not is_configured(config):
        return ""
    if is_embedded(config):
        return upstream_command.read(config).values.get(CONTRACT, upstream_command.OLDER)
    installed = install_record.read(lock) if binary(config) == install_record.install_paths(config).program else None
    return installed.version if installed else ""


def line(version: str) -> str:
    """Return the recorded line to which a version belongs; empty if its flags and settings are not known.

    Args:
        version: The version ("v7.2.137-9"); empty if it is not known.
    """
    number = version.removeprefix("v")
    if number in upstream_command.LINES:
        return number
    prefixes = {"6.8.": upstream_command.OLDER, "7.2.101-": upstream_command.NEWER}
    prefixes |= {"7.2.137-": upstream_command.FORK}
    return next((name for prefix, name in prefixes.items() if number.startswith(prefix)), "")


def readiness_path(version: str, configured: str | None) -> str:
    """Choose the path for readiness checks.

    Args:
        version: The version; if it is empty (unknown), the path is "/", which all versions answer.
        configured: The path of the config; it takes precedence, except for a `/healthz` that this version lacks.
    """
    number = re.match(r"v?(\d+)\.", version)
    newer = number is not None and int(number[1]) >= 7
    if configured and (configured != HEALTHZ or newer or not number):
        return configured
    return HEALTHZ if newer else ROOT


def next_path(readiness_path: str, status: int) -> str:
    """Return the path to check next, since another version than the installed one may be running; "" for none."""
    return ROOT if (readiness_path, status) == (HEALTHZ, 404) else ""
