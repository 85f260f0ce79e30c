"""Which LiteLLM is in force: the record of the environments that upgrades have built, and where they lie."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from flowgate.domain import Config

RECORD_VERSION = 1
BUNDLED = ""  # in a record, the name of the environment that came with FlowGate
LABEL = "litellm_environment"  # label of a generation: the name of the environment that it runs in


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """The environments by the names of their folders; an empty name is the environment that came with FlowGate.

    Attributes:
        in_force: The environment that a start uses.
        previous: The one that was in force before; None if there was none.
        since: When it came into force (UTC, RFC 3339); empty if there was no upgrade.
        pending: The one to which a command is handing over; None if there is none. A command that was killed leaves
            it, and then the environment that serves is in force.
        prepared: One that has been installed and rehearsed for a later upgrade; None if there is none.
    """

    in_force: str = BUNDLED
    previous: str | None = None
    since: str = ""
    pending: str | None = None
    prepared: str | None = None

    @property
    def kept(self) -> set[str]:
        """Return the environments that must not be deleted."""
        return {name for name in (self.in_force, self.previous, self.pending, self.prepared) if name is not None}

    def switched(self, name: str, now: str) -> EnvironmentRecord:
        """Return the record after another environment has come into force.

        Args:
            name: The environment.
            now: The time, UTC, RFC 3339.
        """
        if name == self.in_force:
            return replace(self, pending=None)
        return EnvironmentRecord(name, self.in_force, now)

    def settled(self, serving: str | None) -> EnvironmentRecord:
        """Return the record without a pending hand-over: if the new environment serves, it took place.

        Args:
            serving: The environment of the generation that serves; None if none serves.
        """
        if self.pending is None:
            return self
        return self.switched(self.pending if serving == self.pending else self.in_force, self.since)


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
    if not isinstance(data, dict) or not is_name(data.get("in_force", "")):
        return EnvironmentRecord()
    previous, pending, prepared = data.get("previous"), data.get("pending"), data.get("prepared")
    return EnvironmentRecord(
        in_force=data.get("in_force", ""),
        previous=previous if is_name(previous) else None,
        since=str(data.get("since", "")),
        pending=pending if is_name(pending) else None,
        prepared=prepared if is_name(prepared) else None,
    )


def is_name(word: object) -> bool:
    """Return whether a value can be the name of an environment: empty, or one path component.

    Args:
        word: The value.
    """
    return isinstance(word, str) and not word.startswith(".") and "/" not in word and "\0" not in word


def dump(record: EnvironmentRecord) -> str:
    """Return the text of a record.

    Args:
        record: The record.
    """
    tree = {"version": RECORD_VERSION, "in_force": record.in_force, "previous": record.previous, "since": record.since}
    rare = {"pending": record.pending, "prepared": record.prepared}
    return json.dumps({**tree, **{name: one for name, one in rare.items() if one is not None}}, indent=2) + "\n"
