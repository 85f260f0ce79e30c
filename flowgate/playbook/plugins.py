"""Steps of a user's own: files in `steps/` beside the config, and what packages bring through an entry point."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import sha256
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from flowgate.errors import UsageError
from flowgate.playbook.signature import describe

GROUP = "flowgate.steps"
PACKAGE = "flowgate_own_steps_"  # each folder of steps is imported as a package of this name and a digest of its path
WHERE = "your own steps come beside ours, never instead of them: give it another name"

Function = Callable[..., Any]


class PluginSteps(Mapping[str, Function]):
    """Steps by word; a file or a package is imported only when its word is asked for.

    Attributes:
        folder: Holds one file for each step, of its name; files whose names begin with `_` are no steps. May be
            absent.
        taken: The words of our own steps.

    Raises:
        UsageError: A word that is taken, or that two places bring.
    """

    def __init__(self, folder: Path, taken: Collection[str]) -> None:
        self._taken = taken
        self._files = {_word(path.stem): path for path in sorted(folder.glob("*.py")) if path.stem[0] != "_"}
        for word, path in self._files.items():
            if word in taken:
                raise UsageError(f"the step '{word}' exists already", fix=WHERE, place=f"{path}:1:1")
        self._points: dict[str, EntryPoint] | None = None

    def with_packages(self) -> PluginSteps:
        """Look for what packages bring, too: 17 ms, so only a word that is nothing else asks for it."""
        if self._points is None:
            self._points = {}
            for point in entry_points(group=GROUP):
                word = _word(point.name)
                if word in self._taken:
                    raise UsageError(f"{_package(point)} brings a step '{word}', which exists already", fix=WHERE)
                other = self._files.get(word) or self._points.get(word)
                if other is not None:
                    places = f"{_package(point)} and {other if isinstance(other, Path) else _package(other)}"
                    raise UsageError(f"two places bring a step '{word}': {places}", fix="remove one of them")
                self._points[word] = point
        return self

    def source(self, word: str) -> str:
        """Say where a step comes from: its file, or the package that brings it."""
        point = (self._points or {}).get(word)
        return _package(point) if point else str(self._files[word])

    def __getitem__(self, word: str) -> Function:
        if word in self._files:
            return _from_file(word, self._files[word])
        return _from_package(word, (self._points or {})[word])

    def __iter__(self) -> Iterator[str]:
        return iter((*self._files, *(self._points or {})))

    def __len__(self) -> int:
        return len(self._files) + len(self._points or {})


def _word(name: str) -> str:
    return name.replace("-", "_")


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else f"the entry point {point.value}"


def _from_file(word: str, path: Path) -> Function:
    name = PACKAGE + sha256(str(path.parent.resolve()).encode()).hexdigest()[:12]
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(path.parent)]  # so that steps can share code: from . import _shared
        sys.modules[name] = package
    found = _load(word, str(path), lambda: getattr(import_module(f"{name}.{path.stem}"), word, None))
    return _checked(word, f"{path}:1:1", found)


def _from_package(word: str, point: EntryPoint) -> Function:
    return _checked(word, "", _load(word, _package(point), point.load))


def _load(word: str, where: str, load: Callable[[], object]) -> object:
    try:
        return load()
    except SyntaxError as fault:
        place = f"{fault.filename}:{fault.lineno}:{fault.offset or 1}"
        raise UsageError(f"the step '{word}' is no Python: {fault.msg}", place=place) from None
    except (Exception, SystemExit) as fault:  # noqa: BLE001  a stranger's module may raise anything while it is imported
        what = f"the step '{word}' cannot be imported: {type(fault).__name__}: {fault}"
        raise UsageError(what, place=_place(fault) or where) from None


def _checked(word: str, place: str, found: object) -> Function:
    fix = f"def {word}(reach: StepContext, …) -> Result | Change"
    if not callable(found):
        raise UsageError(f"this file of steps holds no function called {word}", fix=fix, place=place)
    if not inspect.isroutine(found) or not inspect.signature(found).parameters:
        raise UsageError(f"the step '{word}' takes no context", fix=fix, place=place)
    function: Function = found
    try:
        describe(function, word)
    except Exception as fault:  # noqa: BLE001  resolving a stranger's annotations runs a stranger's code
        raise UsageError(str(fault), fix="every parameter after reach has a type", place=place) from None
    return function


def plugin_error_location(error: BaseException) -> str:
    """Say where in a user's own step an error was raised, `file:line`; empty when it was not raised in one."""
    packages = {point.value.partition(":")[0].partition(".")[0] for point in entry_points(group=GROUP)}
    return _place(error, packages)


def _place(error: BaseException, packages: Collection[str] = ()) -> str:
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(PACKAGE) or module.partition(".")[0] in packages:
            found = f"{frame.f_code.co_filename}:{line}"
    return found
