"""Records that describe how workers of a program are forked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Requests sent to an app once, in a throw-away process, to learn which modules it imports for them.

    Attributes:
        document: Text of the app's config; "{upstream}" stands for the address of a fake upstream.
        variable: Environment variable that names the config file.
        env: Further environment variables; made-up values, never real keys.
        headers: Headers of every request; made-up values, never real keys.
        requests: (method, path, body) of each request.
        responses: What the fake upstream returns: path, followed by " stream" for a streamed response, to
            (content type, text).
        seconds: Seconds after which the warm-up is stopped; what it found by then is used.
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
    """What a process does once, so that workers of a program can be forked from it.

    Attributes:
        imports: Dotted names of the modules to import, in order.
        fork_guard: "module:function", called with a text before the first fork; it raises RuntimeError when forking is
            unsafe. Empty for none.
        import_variables: Names of the program's environment variables that the imports see; no keys.
        environment: Identifies the Python environment on disk; another value starts another fork server.
        warmup: How to find out which further modules to import.
        module_cache: Absolute path of the file that keeps the names of those modules; it lies in the Python
            environment. Empty for none.
    """

    imports: tuple[str, ...]
    fork_guard: str = ""
    import_variables: tuple[str, ...] = ()
    environment: str = ""
    warmup: WarmUp | None = None
    module_cache: str = ""
