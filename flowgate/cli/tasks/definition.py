"""What every task needs: its exit code, the config that was named, and texts of help that several share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import FunctionType
from typing import Any, cast

from invoke.context import Context
from invoke.exceptions import Exit

# A number's default is written as text: stock invoke would answer a word in its place with a traceback.
PROFILE = "a profile of the config (see `inv profile.list`); default: the active one"
SERVICE = "all, litellm or cliproxyapi_plus"
JSON = "print one JSON document instead"
CHECK = "predict the changes without making them"


def command(body: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what a task returns or raises into an exit code, in this one place."""

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> None:
        from flowgate.cli.entrypoint import guarded

        code = guarded(functools.partial(body, *args, **kwargs))
        if code:
            raise Exit(code=code)

    # Invoke drops a task whose name and code equal those of an earlier one: the wrapped tasks need code of their own.
    wrapper = cast(FunctionType, run)
    wrapper.__code__ = wrapper.__code__.replace(co_name=f"{body.__name__}_task")
    return run


def config(c: Context) -> str:
    """Return the path after `--config`; empty where none was typed."""
    return str(c.config.get("flowgate_config", ""))


def dry(c: Context) -> bool:
    """Return whether `--dry` was typed: predict changes without making them."""
    return bool(c.config.get("flowgate_dry", False))
