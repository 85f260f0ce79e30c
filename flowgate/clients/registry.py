"""The table of client programs: one module of `programs/` each, found by looking into that package."""

from __future__ import annotations

import pkgutil
from functools import cache
from importlib import import_module

from flowgate.clients import programs
from flowgate.clients.program import ClientProgram
from flowgate.errors import UnknownName, UsageError


@cache
def all_programs() -> dict[str, ClientProgram]:
    """Return the records of all client programs by their names, sorted."""
    modules = [import_module(f"{programs.__name__}.{one.name}") for one in pkgutil.iter_modules(programs.__path__)]
    records: list[ClientProgram] = [one.PROGRAM for one in modules]
    return {one.name: one for one in sorted(records, key=lambda one: one.name)}


def find(name: str) -> ClientProgram:
    """Return the record of a client program.

    Args:
        name: Its name, as users type it.

    Raises:
        UsageError: The name is that of the program's file, not the program's: "claude".
        UnknownName: There is no such program.
    """
    known = all_programs()
    if name in known:
        return known[name]
    meant = next((one for one in known.values() if one.command == name), None)
    if meant is not None:
        raise UsageError(f"no client program is called '{name}'", fix=f"did you mean '{meant.name}'?")
    raise UnknownName("client program", name, known=known)
