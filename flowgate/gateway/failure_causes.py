"""Why an attempt failed, read from an exception of LiteLLM and from the exceptions that it wraps.

Source: LiteLLM 1.106.2, litellm/litellm_core_utils/exception_mapping_utils.py: whatever happens becomes an exception of
its own, raised while the original one is handled. So a refused connection is an `InternalServerError` with status 500
whose context leads to the operating system's error.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

LONGEST_CHAIN = 20
ENDS = ("litellm.exceptions", "litellm.types.router")
SHORTAGES = {
    errno.EMFILE: "this process has no file descriptor left",
    errno.ENFILE: "this machine has no file descriptor left",
    errno.ENOMEM: "this machine has no memory left",
    errno.ENOBUFS: "this machine has no network buffer left",
    errno.EADDRNOTAVAIL: "this machine has no local port left",
}
IN_COOLDOWN = "in cooldown"  # of all deployments; LiteLLM's `RouterRateLimitError` lists them
NOBODY_ASKED = frozenset({"RouterRateLimitError", "RouterRateLimitErrorBasic"})  # no deployment of the model is left
POOL_TIMEOUT = "the gateway has no connection left for the provider"
POOL_ERRORS = frozenset({"PoolTimeout"})
WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EPIPE: "connection closed",
    errno.ETIMEDOUT: "connection timed out",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
}
KNOWN = {*SHORTAGES, *WORDS}
WORDS_OF_MODELS = re.compile(r"model|deployment|engine", re.IGNORECASE)
PATHS = re.compile(r"(?:https?:/)?/\S*")


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and those that led to it, but none of an earlier attempt.

    A fallback is tried while the error of the attempt before is handled, so that error is the context of the new one.

    Args:
        error: The exception.
    """
    seen: list[BaseException] = []
    waiting = [error]
    while waiting and len(seen) < LONGEST_CHAIN:
        one = waiting.pop(0)
        if any(one is other for other in seen):
            continue
        seen.append(one)
        yield one
        context = one.__context__
        inner = [one.__cause__, getattr(one, "os_error", None), None if _ends_an_attempt(context) else context]
        waiting += [other for other in inner if isinstance(other, BaseException)]


def _ends_an_attempt(error: BaseException | None) -> bool:
    """Return whether an exception is one with which LiteLLM ends an attempt."""
    return type(error).__module__ in ENDS or hasattr(error, "ends_attempt")


def error_number(error: BaseException) -> int | None:
    """Return the operating system's number of the error behind an exception; None when there is none.

    Args:
        error: The exception.
    """
    return next((one.errno for one in chain(error) if isinstance(one, OSError) and one.errno in KNOWN), None)


def shortage(error: BaseException) -> str:
    """Return what this machine was short of when an attempt failed; empty when that was not the reason.

    Args:
        error: The exception.
    """
    number = error_number(error)
    if number in SHORTAGES:
        return SHORTAGES[number]
    return POOL_TIMEOUT if any(type(one).__name__ in POOL_ERRORS for one in chain(error)) else ""


def was_refused(error: BaseException) -> bool:
    """Return whether nobody listened at the deployment's address.

    Args:
        error: The exception.
    """
    return error_number(error) == errno.ECONNREFUSED


def nobody_was_asked(error: BaseException) -> bool:
    """Return whether a request failed because no deployment of its model was left to ask.

    Args:
        error: The failure.
    """
    return type(error).__name__ in NOBODY_ASKED


def is_missing_route(error: BaseException) -> bool:
    """Return whether a 404 says that the provider has no such path, not that it has no such model.

    A provider that has retired a model names it, or a model at all. What names none is about the path.

    Args:
        error: The exception.
    """
    if status(error) != 404 or error_number(error) is not None:
        return False
    causes = list(chain(error))
    texts = [text for one in causes for text in _texts(one)] or [str(causes[-1])]
    return not any(WORDS_OF_MODELS.search(PATHS.sub(" ", text)) for text in texts)


def _texts(error: BaseException) -> Iterator[str]:
    """Yield what the provider wrote, as far as this exception has it."""
    for value in (getattr(error, "body", None), getattr(getattr(error, "response", None), "text", None)):
        if value:
            yield str(value)


def status(error: BaseException) -> int | None:
    """Return the HTTP status of an exception; None when it has none.

    Args:
        error: The exception.
    """
    found = getattr(error, "status_code", None)
    try:
        return int(found) if found is not None else None
    except (TypeError, ValueError):
        return None


def kind(error: BaseException) -> str:
    """Return the kind of an error in a few words, without its text, which may quote a prompt or a key.

    Args:
        error: The exception.
    """
    number = error_number(error)
    if number is None:
        is_waiting = getattr(error, "all_deployments_in_cooldown", getattr(error, "cooldown_list", None))
        return IN_COOLDOWN if is_waiting else type(error).__name__
    return WORDS.get(number) or SHORTAGES[number]
