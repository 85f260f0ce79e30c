"""What has to be known to fork generations of a program: nouns, like those of `model`, which holds one of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nursery:
    """What a process does once, so that generations of a program can be forked from it.

    imports: modules, dotted, in order
    reserve: "module:function", called with a text before the first fork; it raises when forking is unsafe; "" for none
    seen: names of the program's variables that its imports see; no keys
    environment: names the Python environment on disk; under another name the nursery is replaced
    """

    imports: tuple[str, ...]
    reserve: str = ""
    seen: tuple[str, ...] = ()
    environment: str = ""
