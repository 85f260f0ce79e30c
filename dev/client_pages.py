"""The sections of docs/how-to/clients.md, one for each record of a client program."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flowgate.clients import owned_values
from flowgate.clients.program import ClientProgram, Endpoint, Launch, Machine, OwnedFile
from flowgate.clients.registry import all_programs

BEGIN, END = "<!-- clients -->", "<!-- end of clients -->"
HOME = Path("/home/you")
MACHINE = Machine(HOME, "linux", {}, HOME / "flowgate" / ".router" / "secrets")
EXAMPLE = Endpoint(
    root="http://127.0.0.1:4000",
    key="KEY",
    model="router-default",
    small_model="router-cheap",
    models=("router-default", "router-cheap"),
    client="laptop",
)
APIS = {"chat": "chat completions", "responses": "Responses", "messages": "Messages", "google": "Gemini"}
LANGUAGES = {"dotenv": "ini", "shell": "ini"}


def with_clients(text: str, programs: Iterable[ClientProgram] | None = None) -> str:
    """Write the sections of the client programs between their two marks.

    Args:
        text: The page.
        programs: The records; None for all.
    """
    records = all_programs().values() if programs is None else programs
    sections = "\n".join(section(one) for one in sorted(records, key=lambda one: one.title.lower()))
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{sections}\n{END}{rest.partition(END)[2]}"


def section(program: ClientProgram) -> str:
    """Return the section of one program.

    Args:
        program: Its record.
    """
    title = program.title[:1].upper() + program.title[1:] if " " in program.title else program.title
    lines = [f"## {title}", "", f"`{program.name}` speaks {APIS[program.protocol]}{_tried(program)}.", ""]
    if program.impossible:
        return "\n".join([*lines, _sentence(program.impossible), ""])
    for one in program.files(MACHINE, EXAMPLE):
        lines += [f"`client.add` writes these values to `{_home(str(one.path))}`:", "", *_block(one), ""]
    if program.launch is not None:
        lines += [_launched(program.launch(EXAMPLE)), ""]
    lines += [f"- {_sentence(_home(one))}" for one in program.by_hand(MACHINE, EXAMPLE)]
    lines += [f"- {_sentence(one.text)} ({one.source})" for one in program.facts]
    return "\n".join([*lines, ""]) if lines[-1] else "\n".join(lines)


def _tried(program: ClientProgram) -> str:
    return f"; tried with {', '.join(program.tried)}" if program.tried else "; not tried by us"


def new_text(owned: OwnedFile) -> str:
    """Return the text of a file that has nothing but what FlowGate writes.

    Args:
        owned: The file's values.
    """
    return owned_values.write("", owned.format, {**owned.if_missing, **owned.values}).text


def _block(owned: OwnedFile) -> list[str]:
    text = new_text(owned)
    return [f"```{LANGUAGES.get(owned.format, owned.format)}", _home(text).rstrip("\n"), "```"]


def _launched(launch: Launch) -> str:
    found = [f"sets {_names(launch.env)}"] if launch.env else []
    found += [f"removes {_names(launch.unset)}"] if launch.unset else []
    flags = dict.fromkeys(word for word in launch.arguments if word.startswith("-"))
    found += [f"passes {_names(flags)}"] if flags else []
    return f"`client.run` {', '.join(found)}, for one process."


def _names(names: Iterable[str]) -> str:
    return ", ".join(f"`{one}`" for one in names)


def _home(text: str) -> str:
    return text.replace(str(HOME), "~")


def _sentence(text: str) -> str:
    """Return a line as a sentence; one that ends with a command gets no full stop, which would be copied with it."""
    ends = text.endswith((".", ":", "`")) or ": " in text
    return text[:1].upper() + text[1:] + ("" if ends else ".")
