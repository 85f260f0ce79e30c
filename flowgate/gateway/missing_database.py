"""LiteLLM without its database library: questions about database errors have an answer all the same.

LiteLLM asks of every failed check of a key whether the database is to blame, and imports `prisma` for that. Where it is
not installed, the import fails: a wrong key ends in status 500 and two tracebacks.

Source: LiteLLM 1.106.2, litellm/proxy/db/exception_handler.py (`PrismaDBExceptionHandler`).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

LIBRARY = "prisma"
INSTALLED = "flowgate_wrapper"
QUESTIONS = ("is_", "find_", "postgres_")


def install(handler: Any) -> None:
    """Let each question about database errors be answered with no where the library is missing.

    Args:
        handler: LiteLLM's class of such questions; None when it has none.
    """
    for name, method in list(vars(handler).items()) if handler is not None else ():
        if isinstance(method, staticmethod) and name.startswith(QUESTIONS) and not hasattr(method, INSTALLED):
            setattr(handler, name, _answering(method.__func__))


def _answering(question: Callable[..., Any]) -> Any:
    @wraps(question)
    def answer(*args: Any, **kwargs: Any) -> Any:
        try:
            return question(*args, **kwargs)
        except ModuleNotFoundError as error:
            if error.name != LIBRARY:
                raise
            return None

    found = staticmethod(answer)
    setattr(found, INSTALLED, True)
    return found
