"""Steps of the user: files in `steps/` beside the config, and entry points of installed packages."""

from __future__ import annotations

import inspect
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flowgate.errors import UsageError
from flowgate.playbook.signature import describe

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "flowgate.steps"
PACKAGE = "flowgate_plugin_steps_"  # prefix of the package as which a folder is imported; a digest of the path follows
RENAME = "a plugin cannot replace a step of FlowGate: give it another name"

Function = Callable[..., Any]


class PluginSteps(Mapping[str, Function]):
    """Steps by word. A file or package is imported when its word is looked up."""

    def __init__(self, folder: Path, taken: Collection[str]) -> None:
        """Find the step files of a folder.

        Args:
            folder: Contains one file for each step, with the step's name. Files that start with `_` are not steps. The
                folder may be absent.
            taken: Words of FlowGate's own steps.

        Raises:
            UsageError: A file has the name of one of FlowGate's own steps.
        """
        self._taken = taken
        self._files = {_word(path.stem): path for path in sorted(folder.glob("*.py")) if path.stem[0] != "_"}
        for word, path in self._files.items():
            if word in taken:
                raise UsageError(f"the step '{word}' exists already", fix=RENAME, place=f"{path}:1:1")
        self._points: dict[str, EntryPoint] | None = None

    def with_packages(self) -> PluginSteps:
        """Find the steps of installed packages too. This takes 17 ms, so it is done only for an unknown word.

        Returns:
            This object.

        Raises:
            UsageError: Two places define a step of the same name.
        """
        if self._points is None:
            self._points = {}
            for point in _entry_points():
                word = _word(point.name)
                if word in self._taken:
                    raise UsageError(f"{_package(point)} defines a step '{word}', which exists already", fix=RENAME)
                other = self._files.get(word) or self._points.get(word)
                if other is not None:
                    places = f"{_package(point)} and {other if isinstance(other, Path) else _package(other)}"
                    raise UsageError(f"two places define a step '{word}': {places}", fix="remove one of them")
                self._points[word] = point
        return self

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


def _entry_points() -> Collection[EntryPoint]:
    from importlib.metadata import entry_points  # it takes as long as the rest of a short command

    return entry_points(group=GROUP)


def _package(point: EntryPoint) -> str:
    return f"the package {point.dist.name}" if point.dist else f"the entry point {point.value}"


def _from_file(word: str, path: Path) -> Function:
    name = PACKAGE + sha256(str(path.parent.resolve()).encode()).hexdigest()[:12]
    if name not in sys.modules:
        package = ModuleType(name)
        package.__path__ = [str(path.parent)]  # allows steps to share code: from . import _shared
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
        raise UsageError(f"the step '{word}' is not valid Python: {fault.msg}", place=place) from None
    except (Exception, SystemExit) as fault:  # noqa: BLE001  the import of a plugin can raise anything
        what = f"the step '{word}' cannot be imported: {type(fault).__name__}: {fault}"
        raise UsageError(what, place=_place(fault) or where) from None


def _checked(word: str, place: str, found: object) -> Function:
    fix = f"write: def {word}(context: StepContext, …) -> Result | Change"
    if not callable(found):
        raise UsageError(f"this file has no function '{word}'", fix=fix, place=place)
    if not inspect.isroutine(found) or not inspect.signature(found).parameters:
        raise UsageError(f"the step '{word}' has no parameter for the context", fix=fix, place=place)
    function: Function = found
    try:
        describe(function, word)
    except Exception as fault:  # noqa: BLE001  evaluating a plugin's annotations can raise anything
        raise UsageError(str(fault), fix="give every parameter after the context a type", place=place) from None
    return function


def plugin_error_location(error: BaseException) -> str:
    """Locate an error in a plugin step.

    Args:
        error: Any exception with a traceback.

    Returns:
        `file:line` of the innermost plugin code; empty when no plugin raised the error.
    """
    packages = {point.value.partition(":")[0].partition(".")[0] for point in _entry_points()}
    return _place(error, packages)


def _place(error: BaseException, packages: Collection[str] = ()) -> str:
    found = ""
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if module.startswith(PACKAGE) or module.partition(".")[0] in packages:
            found = f"{frame.f_code.co_filename}:{line}"
    return found
