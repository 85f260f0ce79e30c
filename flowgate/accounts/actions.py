"""The moves of a conversation with CLIProxyAPIPlus: what it asks for, what it is told back.

A conversation is a generator: it gives moves, is sent replies, and returns its result. It holds no HTTP, no clock
and no screen; whoever performs it (`steps/_perform.py`) does.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from flowgate.domain import Tree
from flowgate.errors import StepContractError

T = TypeVar("T")
MANAGEMENT = "/v0/management"


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask CLIProxyAPIPlus; the reply is `Heard`.

    Attributes:
        path: On the server ("/v0/management/auth-files").
        key: Which key is shown: "management", "client" (LiteLLM's) or "" for none.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] | None = None
    key: str = "management"


@dataclass(frozen=True, slots=True)
class Show:
    """Show a person where to go on; nothing is replied.

    Attributes:
        url: The address to open.
        code: What to enter there; empty when nothing.
        pasting: The browser cannot come back by itself: its last address has to be pasted here.
    """

    url: str
    code: str = ""
    pasting: bool = False


@dataclass(frozen=True, slots=True)
class Say:
    """Tell a person something; nothing is replied."""

    text: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass; the reply is `Waited`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Look:
    """Read an account's file in the auth folder; the reply is its tree, or None when it is not there."""

    name: str


@dataclass(frozen=True, slots=True)
class Whose:
    """Ask who holds a port of this machine; the reply is words."""

    port: int


@dataclass(frozen=True, slots=True)
class Heard:
    """What the server answered.

    Attributes:
        headers: Names in lower case.
        tree: The body read as JSON; None when it is none.
    """

    status: int
    headers: Mapping[str, str]
    tree: Any
    text: str


@dataclass(frozen=True, slots=True)
class Waited:
    """How long the conversation has gone on (seconds), what time of day it is, and what a person typed meanwhile."""

    elapsed: float
    now: datetime
    typed: str = ""


Move = Ask | Show | Say | Wait | Look | Whose
Talk = Generator[Move, object, T]


def ask(
    method: str,
    path: str,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
    *,
    key: str = "management",
) -> Talk[Heard]:
    """Ask, and be told what was heard."""
    return _kind(Heard, (yield Ask(method, path, query or {}, body, key)))


def wait(seconds: float) -> Talk[Waited]:
    """Wait, and be told how long it has been."""
    return _kind(Waited, (yield Wait(seconds)))


def whose(port: int) -> Talk[str]:
    """Ask who holds a port, in words."""
    return _kind(str, (yield Whose(port)))


def look(name: str) -> Talk[Tree | None]:
    """Read an account's file."""
    tree = yield Look(name)
    return tree if isinstance(tree, dict) else None


def _kind(kind: type[T], reply: object) -> T:
    if not isinstance(reply, kind):
        raise StepContractError(f"a conversation was told {type(reply).__name__} where {kind.__name__} belongs")
    return reply
