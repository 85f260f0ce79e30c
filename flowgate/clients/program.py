"""The record of one client program: where its configuration is, what FlowGate writes there, how it is started.

One program is one module of `programs/`, with one `PROGRAM`. A record only computes; it touches no file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Literal, NamedTuple

from flowgate.domain import Value

Format = Literal["toml", "json", "yaml", "dotenv", "shell"]
Protocol = Literal["chat", "responses", "messages", "google"]


class Entry(NamedTuple):
    """The entry of a list that has a certain value under a certain key: the model whose `name` is "FlowGate".

    Attributes:
        key: The key that tells entries apart.
        value: Its value.
    """

    key: str
    value: str


KeyPath = tuple[str | Entry, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """The user's machine, as far as it decides where configurations are.

    Attributes:
        home: The user's home folder.
        platform: "linux" or "darwin".
        env: The command's environment variables.
        secrets: FlowGate's own folder for secrets, for files that only FlowGate's users read.
    """

    home: Path
    platform: Literal["linux", "darwin"]
    env: Mapping[str, str] = field(repr=False)
    secrets: Path = Path(".router/secrets")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The gateway, as one client sees it.

    Attributes:
        root: Address without `/v1`: "http://127.0.0.1:4000".
        key: The client's key.
        model: The model for the main work.
        small_model: The model for background work.
        models: All models that the client may ask for.
        client: The client's name.
    """

    root: str
    key: str = field(repr=False)
    model: str
    small_model: str
    models: tuple[str, ...]
    client: str = "client"


@dataclass(frozen=True, slots=True)
class OwnedFile:
    """The values of one configuration file that FlowGate owns; everything else in it is the user's.

    Attributes:
        path: The file.
        format: How it is written; "shell" is a file of `export NAME=value` lines.
        values: Path of keys → value. Only these are written, compared and taken back.
        if_missing: Further values that the program demands; those that the user has stay as they are.
    """

    path: Path
    format: Format
    values: Mapping[KeyPath, Value] = field(repr=False)
    if_missing: Mapping[KeyPath, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Launch:
    """What one process of the program needs, when no file is to be touched.

    Attributes:
        env: Variables to set; the key is among them and never in `arguments`.
        unset: Variables to remove, which would lead elsewhere.
        arguments: Arguments that stand before the user's.
    """

    env: Mapping[str, str] = field(repr=False)
    unset: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """Something about a program that its users should know.

    Attributes:
        text: One sentence.
        source: Where it is documented, or the version that it was seen with.
    """

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class ClientProgram:
    """One client program.

    Attributes:
        name: What users type: "codex".
        title: Its name for people: "Codex".
        command: The program's file name; empty for a library or an editor that is not started by a command.
        protocol: The API that it speaks to the gateway.
        files: Computes the files that `client.add` writes; empty for a program whose configuration no file holds.
        launch: Computes what `client.run` sets; None for a program that only files tell where the gateway is.
        headless: Computes the arguments that ask one question without a terminal; None where there is no such mode.
        headless_env: Computes the variables that such a question needs beside the files of `client.add`.
        tried: The versions that were run through the gateway.
        facts: What its users should know.
        by_hand: Computes what the user does after `client.add`, or instead of it, one line each.
        impossible: Why the program cannot use a gateway on this machine; empty if it can.
        launch_requires: Computes what must be in the user's own files before `client.run` can work; None for what must
            not be there.
        install: The command that installs it; empty if there is none.
    """

    name: str
    title: str
    command: str
    protocol: Protocol
    files: Callable[[Machine, Endpoint], tuple[OwnedFile, ...]]
    launch: Callable[[Endpoint], Launch] | None
    headless: Callable[[str], tuple[str, ...]] | None = None
    headless_env: Callable[[Endpoint], Mapping[str, str]] = lambda endpoint: {}
    tried: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    by_hand: Callable[[Machine, Endpoint], tuple[str, ...]] = lambda machine, endpoint: ()
    impossible: str = ""
    launch_requires: Callable[[Machine], tuple[OwnedFile, ...]] = lambda machine: ()
    install: str = ""


def env_file(machine: Machine, endpoint: Endpoint) -> Path:
    """Return the file of variables that a client's user sources.

    Args:
        machine: The user's machine.
        endpoint: The gateway, as the client sees it.
    """
    return machine.secrets / "clients" / f"{endpoint.client}.env"


def source_line(machine: Machine, endpoint: Endpoint) -> str:
    """Return the shell command that sets the variables of a client's file.

    Args:
        machine: The user's machine.
        endpoint: The gateway, as the client sees it.
    """
    return f". {quote(str(env_file(machine, endpoint)))}"
