"""The commands `export kubernetes`, `export compose` and `export systemd`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flowgate.cli import console, export_files, export_plan, export_rehearsal
from flowgate.cli.session import open_session
from flowgate.errors import UsageError
from flowgate.export import compose, kubernetes, systemd
from flowgate.export.plan import Plan


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What was typed.

    Attributes:
        to: The folder.
        profile: The profile; empty for all.
        check: Only say what would change.
        diff: Show the lines that change.
        options: The other options of the kind, by name.
    """

    to: str
    profile: str = ""
    check: bool = False
    diff: bool = False
    options: Mapping[str, str] = field(default_factory=dict)


KINDS: dict[str, Callable[[Plan], dict[str, str]]] = {
    "kubernetes": kubernetes.files,
    "compose": compose.files,
    "systemd": systemd.files,
}


def export(config: str, kind: str, request: ExportRequest) -> int:
    """Write the gateway as files for another engine.

    Args:
        config: Path after `--config`; empty to search for the config.
        kind: "kubernetes", "compose" or "systemd".
        request: What was typed.

    Raises:
        UsageError: Something cannot be exported, or the folder has other files of these names; nothing is written.
        DiskError: A file cannot be written.
    """
    if not request.to:
        raise UsageError("--to is missing: the folder into which the files are written", fix="--to DIR")
    session = open_session(config)
    console.note(session.describe())
    plan = export_plan.read(session, kind, request.profile, {**request.options, "to": request.to})
    folder = Path(request.to).expanduser().absolute()
    rehearsals = export_rehearsal.files(session, kind, plan, request.options)
    changes = export_files.look(kind, {**KINDS[kind](plan), **rehearsals}, folder)
    for line in [*export_plan.notes(session, kind, plan), *export_rehearsal.notes(kind, plan, request.options)]:
        console.note(f"note: {line}")
    if not request.check:
        export_files.write(changes, folder)
    export_files.tell(changes, folder, check=request.check, diff=request.diff)
    if not request.check:
        console.note(f"next: {folder / 'README.md'} says how to use it")
    return 0
