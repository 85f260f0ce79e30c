"""The nouns of forking: what has to be known to fork generations of a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Questions asked of an app once, in a process that is thrown away, to learn what answering them imports.

    Attributes:
        document: The text of the app's config; "{upstream}" stands for the address of a stand-in for the
            upstream.
        variable: The environment variable that names the config's file.
        env: What else the app and the questions need; made up, no key of anybody's.
        headers: What else the app and the questions need; made up, no key of anybody's.
        questions: (method, path, body).
        answers: What the stand-in says: path, followed by " stream" for a streamed answer → (content type, text).
        seconds: After which the rehearsal is broken off, and what it has shown by then is used.
    """

    document: str
    variable: str
    env: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    requests: tuple[tuple[str, str, str], ...] = ()
    responses: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class ForkServerSettings:
    """What a process does once, so that generations of a program can be forked from it.

    Attributes:
        imports: Modules, dotted, in order.
        reserve: "module:function", called with a text before the first fork; it raises when forking is unsafe; ""
            for none.
        seen: Names of the program's variables that its imports see; no keys.
        environment: Names the Python environment on disk; under another name the nursery is replaced.
        rehearsal: How it learns what else to import.
        learnt: The file that keeps what was learnt, absolute; it lies in the environment and goes with it; "" for
            none.
    """

    imports: tuple[str, ...]
    fork_guard: str = ""
    import_variables: tuple[str, ...] = ()
    environment: str = ""
    warmup: WarmUp | None = None
    module_cache: str = ""
