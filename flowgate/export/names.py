"""Names that the user chose and that would collide in an export: with its own, or with each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from flowgate.domain import Config
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway.environment import file_name

REHEARSAL, REHEARSAL_KEY = "rehearsal", "REHEARSAL_KEY"
MOST_BYTES = 255  # of one name, in the file systems of Linux and macOS
FOLDERS = {"compose": {"secrets": "the keys", "accounts": "the accounts"}}  # beside those of the profiles
SET_IN_CONTAINERS = ("FLOWGATE_CONFIG", "HOME", "PATH")


def profile_faults(config: Config, kind: str, profiles: Iterable[str], *, rehearsal: bool) -> Iterator[FlowGateError]:
    """Find profiles that cannot have a folder of their name. macOS and Windows do not tell `Cost` from `cost`.

    Args:
        config: The config.
        kind: "kubernetes", "compose" or "systemd".
        profiles: The exported profiles.
        rehearsal: The rehearsals of the profiles are exported too.
    """
    if kind == "systemd" and not rehearsal:
        return
    taken = {folder: f"the folder of {what}" for folder, what in FOLDERS.get(kind, {}).items()}
    if kind == "compose" and rehearsal:
        taken[REHEARSAL] = "the folder of the rehearsals"
    for name in profiles:
        other, fix = taken.get(name.casefold(), ""), "call it otherwise, or export another one alone: --profile NAME"
        if len(name) > MOST_BYTES:
            other, fix = f"too long for a folder ({len(name)} characters, {MOST_BYTES} at most)", "call it otherwise"
        if other:
            what = f"the profile '{name}' cannot be exported: its name is {other} there"
            yield UsageError(what, place=config.place(f"profiles.{name}"), fix=fix)
        taken.setdefault(name.casefold(), f"that of profile '{name}' but for the case, and both are folders")


def variable_faults(config: Config, kind: str, names: Collection[str], *, rehearsal: bool) -> Iterator[FlowGateError]:
    """Find variables that containers cannot have beside their own, or whose values would be in one file.

    Args:
        config: The config.
        kind: "kubernetes", "compose" or "systemd".
        names: The variables of the exported gateway, FlowGate's own among them.
        rehearsal: The rehearsals of the profiles are exported too.
    """
    if kind == "systemd":
        return
    files = {file_name(REHEARSAL_KEY): REHEARSAL_KEY} if rehearsal else {}
    own = {one.name: one.place for one in config.references}
    for name in sorted(names, key=lambda one: (one in own, one)):  # of two, the user's own one is to be renamed
        file = file_name(name)
        if name in SET_IN_CONTAINERS:
            what = f"the variable {name} cannot be exported: each container has its own {name}"
            yield UsageError(what, place=own.get(name, ""), fix="call it otherwise")
        elif rehearsal and name == REHEARSAL_KEY:
            what = f"the variable {name} cannot be exported: the rehearsals have a key of that name"
            yield UsageError(what, place=own.get(name, ""), fix="call it otherwise")
        elif kind == "compose" and file in files:
            what = f"the variables {files[file]} and {name} cannot be exported: the value of both is in secrets/{file}"
            yield UsageError(what, place=own.get(name, ""), fix=f"call {name} otherwise")
        files.setdefault(file, name)
