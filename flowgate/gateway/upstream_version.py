"""Which path of CLIProxyAPIPlus reports readiness without a cost; it depends on the version.

Source: 7.2.101-1 answers `/healthz` and `/`; v6.8.16-0 answers `/`, and `/healthz` with 404.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowgate.gateway.cliproxy import NAME, binary, is_embedded

if TYPE_CHECKING:
    from flowgate.domain import Config

HEALTHZ, ROOT = "/healthz", "/"
CONTRACT = "--contract"  # flag of the embedded upstream: the version that it imitates


def version(config: Config, lock: str | None) -> str:
    """Return the version that a start would run; an empty string if it is unknown.

    Args:
        config: The config.
        lock: The text of the lock file beside the installed program.
    """
    from flowgate.gateway import install_record

    args = config.services[NAME].args
    if is_embedded(config):
        return args[args.index(CONTRACT) + 1] if CONTRACT in args[:-1] else "6.8"
    installed = install_record.read(lock) if binary(config) == install_record.install_paths(config).program else None
    return installed.version if installed else ""


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
