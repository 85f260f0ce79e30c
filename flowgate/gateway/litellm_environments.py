"""Which LiteLLM is in force: the record of the environments that upgrades have built, and where they lie."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from flowgate.domain import Config

RECORD_VERSION = 1
BUNDLED = ""  # in a record, the name of the environment that came with FlowGate


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """The environments by the names of their folders; an empty name is the environment that came with FlowGate.

    Attributes:
        in_force: The environment that a start uses.
        previous: The one that was in force before; None if there was none.
        since: When it came into force (UTC, RFC 3339); empty if there was no upgrade.
    """

    in_force: str = BUNDLED
    previous: str | None = None
    since: str = ""


def folder(config: Config) -> Path:
    """Return the folder of the environments that upgrades have built; each lies in a subfolder named by its version."""
    return config.paths.runtime_dir / "litellm"


def record_path(config: Config) -> Path:
    """Return the file that records which environment is in force."""
    return folder(config) / "in-force.json"


def parse(text: str | None) -> EnvironmentRecord:
    """Read a record; a missing or damaged one means the environment that came with FlowGate.

    Args:
        text: The record's text; None if there is no such file.
    """
    try:
        data = json.loads(text or "{}")
    except ValueError:
        return EnvironmentRecord()
    if not isinstance(data, dict) or not isinstance(data.get("in_force", ""), str):
        return EnvironmentRecord()
    previous = data.get("previous")
    return EnvironmentRecord(
        in_force=data.get("in_force", ""),
        previous=previous if isinstance(previous, str) else None,
        since=str(data.get("since", "")),
    )


def dump(record: EnvironmentRecord) -> str:
    """Return the text of a record.

    Args:
        record: The record.
    """
    tree = {"version": RECORD_VERSION, "in_force": record.in_force, "previous": record.previous, "since": record.since}
    return json.dumps(tree, indent=2) + "\n"
