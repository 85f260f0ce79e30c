"""systemd: one unit that runs the whole gateway on this host."""

from __future__ import annotations

from urllib.parse import quote

from flowgate.errors import UsageError
from flowgate.export.plan import Plan, Unit
from flowgate.export.templates import render

SPECIFIERS = str.maketrans({"%": "%%"})


def files(plan: Plan) -> dict[str, str]:
    """Return the files, by their paths in the target folder.

    Args:
        plan: The export.

    Raises:
        UsageError: A path cannot be written into a unit.
    """
    unit = plan.unit or Unit(())
    values = {
        "user": unit.user,
        "title": unit.title,
        "readme": quote(f"{unit.folder}/README.md").translate(SPECIFIERS),
        "folder": plain(unit.working_folder),
        "command": " ".join(quoted(word) for word in unit.command),
        "has_southbound": unit.has_southbound,
        "startup_seconds": sum(int(one.ready_timeout) for one in plan.config.services.values()) + 60,
        "longest_seconds": plan.longest_seconds,
        "grace_seconds": plan.grace_seconds,
        "secrets": str(plan.config.paths.runtime_dir.parent / "secrets"),
    }
    return {name: render(f"systemd/{name}", **values) for name in ("flowgate.service", "README.md")}


def quoted(word: str) -> str:
    """Return a word of a command line as systemd reads it.

    Args:
        word: The word.

    Source: systemd.service(5), "Command lines": `%` begins a specifier and `$` a variable, in quotes too.
    """
    plain(word)
    text = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").translate(SPECIFIERS)
    return f'"{text}"' if text != word or not word or any(one in word for one in " ';") else word


def plain(text: str) -> str:
    """Return a text as a unit contains it.

    Args:
        text: The text.

    Raises:
        UsageError: No unit can contain it.
    """
    if not text.isprintable():
        what = f"the path {text!r} contains a character that no unit can contain"
        raise UsageError(what, fix="move the config to a folder with a name that can be printed")
    return text.translate(SPECIFIERS)
