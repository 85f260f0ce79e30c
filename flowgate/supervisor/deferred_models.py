"""Models of pydantic that an app defines, and whose validators are built when they are first used.

Built in the fork server, they are built once and shared by all workers; else each worker builds its own.

An app may set `defer_build` for hundreds of models, and build a few when it starts. Measured with such an app: these
few take half of the processor time of its start.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Collection, Iterable, Iterator

SEPARATOR = ":"


def built() -> list[str]:
    """Return the models that were to be built at their first use, and are built now, as "module:Class"."""
    base = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    if base is None:
        return []
    found = {f"{one.__module__}{SEPARATOR}{one.__qualname__}": one for one in _subclasses(base, set())}
    return [name for name, one in found.items() if _is_deferred(one) and _is_built(one) and _find(name) is one]


def build(names: Iterable[str]) -> None:
    """Build models; one that cannot be built now is left to its first use.

    Args:
        names: Models as "module:Class".
    """
    for name in names:
        model = _find(name)
        if model is not None and not _is_built(model):
            with contextlib.suppress(Exception):  # whatever the app's own code raises: the first use will tell
                model.model_rebuild(raise_errors=False)  # type: ignore[attr-defined]


def _subclasses(model: type, seen: set[type]) -> Iterator[type]:
    children: list[type] = type.__subclasses__(model)
    for one in children:
        if one not in seen:
            seen.add(one)
            yield one
            yield from _subclasses(one, seen)


def _is_built(model: type) -> bool:
    return bool(getattr(model, "__pydantic_complete__", True))


def _is_deferred(model: type) -> bool:
    return bool(getattr(model, "model_config", {}).get("defer_build"))


def _find(name: str) -> type | None:
    """Return a model; None if it is no attribute of its module, as a class within a function is not."""
    module, _, path = name.partition(SEPARATOR)
    found: object = sys.modules.get(module)
    for part in path.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, type) else None


def split(names: Collection[str]) -> tuple[list[str], list[str]]:
    """Split what a fork server is to load into modules and models.

    Args:
        names: Names of modules, and of models as "module:Class".
    """
    return [one for one in names if SEPARATOR not in one], [one for one in names if SEPARATOR in one]
