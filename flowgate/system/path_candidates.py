"""The paths that a typed word may become, for shell completion."""

from __future__ import annotations

import os
from collections.abc import Iterator

MOST_FILES = 500  # of a folder


def paths(typed: str, endings: tuple[str, ...] = ("",)) -> Iterator[str]:
    """Yield the paths that begin as typed; a folder ends with `/`.

    Args:
        typed: A relative or absolute path, perhaps with `~`.
        endings: Endings of wanted files.
    """
    folder, _, name = typed.rpartition("/")
    base = f"{folder}/" if "/" in typed else ""
    try:
        with os.scandir(os.path.expanduser(base) or ".") as entries:  # noqa: PTH111 - the spelling is kept
            for number, entry in enumerate(sorted(entries, key=lambda one: one.name)):
                if number == MOST_FILES:
                    return
                hidden = entry.name.startswith(".") and not name.startswith(".")
                if entry.name.startswith(name) and not hidden and entry.name.isprintable():
                    if entry.is_dir():
                        yield f"{base}{entry.name}/"
                    elif entry.name.endswith(endings):
                        yield base + entry.name
    except OSError:  # no such folder, or not ours
        return
