"""Which address of CLIProxyAPIPlus says that it is ready, without costing anything: its generations differ.

Source: 7.2.101-1 answers `/healthz` and `/`; v6.8.16-0 answers `/`, and `/healthz` with 404
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from flowgate.gateway.cliproxy import NAME, binary, is_embedded

if TYPE_CHECKING:
    from flowgate.domain import Config

HEALTHZ, ROOT = "/healthz", "/"
CONTRACT = "--contract"  # the embedded upstream's flag


def version(config: Config, lock: str | None) -> str:
    """Say which version a start would run; empty when nobody knows.

    Args:
        lock: The text of the lock file beside the installed program.
    """
    from flowgate.gateway import install_record

    args = config.services[NAME].args
    if is_embedded(config):
        return args[args.index(CONTRACT) + 1] if CONTRACT in args[:-1] else "6.8"
    installed = install_record.read(lock) if binary(config) == install_record.install_paths(config).program else None
    return installed.version if installed else ""


def readiness_path(version: str, configured: str | None) -> str:
    """Choose the address to ask.

    Args:
        version: Empty when it is not known; "/" then, which both generations answer.
        configured: What the config asks for; it wins, but for a `/healthz` that this version does not have.
    """
    number = re.match(r"v?(\d+)\.", version)
    newer = number is not None and int(number[1]) >= 7
    if configured and (configured != HEALTHZ or newer or not number):
        return configured
    return HEALTHZ if newer else ROOT


def next_path(readiness_path: str, status: int) -> str:
    """Name the address to ask next: another version may still run than the one that is installed; empty for none."""
    return ROOT if (readiness_path, status) == (HEALTHZ, 404) else ""
