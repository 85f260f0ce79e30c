"""Variables of `services.cliproxyapi_plus.env` that change where the program finds its settings and writes its logs.

Source: `lookupEnv` in cmd/server/main.go of 6.8.16-0, 7.2.101-1, 7.2.137-9 and CLIProxyAPI 7.2.140: with one of the
stores, or a HOME_JWT, the program ignores `-config`; the names are read in upper and in lower case.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway.serialization import absolute

if TYPE_CHECKING:
    from flowgate.domain import Config

NAME = "cliproxyapi_plus"
STORES = ("PGSTORE_", "GITSTORE_", "OBJECTSTORE_")
ELSEWHERE = ("HOME_JWT", "DEPLOY")
PASSWORD, WRITABLE = "MANAGEMENT_PASSWORD", "WRITABLE_PATH"
REFERENCE = "os.environ/"


def faults(config: Config) -> list[FlowGateError]:
    """Find variables with which the program would ignore its config.

    Args:
        config: The config.
    """
    names = config.services[NAME].env if NAME in config.services else ()
    found = [name for name in names if name.upper().startswith(STORES) or name.upper() in ELSEWHERE]
    what = "with the variable {}, CLIProxyAPIPlus takes its settings from another place and ignores its config"
    return [
        UsageError(
            what.format(name), place=_place(config, name), fix="remove it; accounts and settings are local files"
        )
        for name in found
    ]


def notes(config: Config) -> list[str]:
    """Describe the variables that FlowGate replaces.

    Args:
        config: The config.
    """
    if NAME not in config.services or PASSWORD not in config.services[NAME].env:
        return []
    return [f"{_place(config, PASSWORD)}: {PASSWORD}: yours is replaced by FlowGate's management key"]


def log_folder(config: Config) -> Path:
    """Return the folder in which the program writes requests, if it does.

    Args:
        config: The config.
    """
    settings = config.services.get(NAME)
    own = (settings.env.get(WRITABLE) or settings.env.get(WRITABLE.lower())) if settings else None
    work = config.paths.runtime_dir / "work" / NAME
    return (absolute(work, own) if own and not own.startswith(REFERENCE) else work) / "logs"


def _place(config: Config, name: str) -> str:
    return config.place(f"services.{NAME}.env.{name}")
