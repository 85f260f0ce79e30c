"""Find a step by its word: the built-in ones, those of a package by file name, and a user's own."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from flowgate.errors import StepContractError, UnknownName, UsageError
from flowgate.playbook import builtin
from flowgate.playbook.signature import Param, StepInfo, bind, describe, faults

__all__ = ["Catalog", "Param", "StepInfo", "bind", "describe", "faults", "steps_in"]

Steps = Mapping[str, Callable[..., Any]]


class Catalog:
    """Every step there is, by its word; `-` and `_` are the same in a word.

    Attributes:
        built_in: Word → function; may be lazy (see `steps_in`).
        extra: Gives a user's own steps; asked only for a word that is not built in.
    """

    def __init__(self, built_in: Steps, extra: Callable[[], Steps] | None = None) -> None:
        self._built_in, self._extra = built_in, extra
        self._own: Steps = {}
        self._own_names: dict[str, str] | None = None
        self._described: dict[str, StepInfo] = {}

    def find(self, word: str, at: str = "") -> StepInfo:
        """Find the step that a word names, and what it takes.

        Args:
            at: Where the word is written.

        Raises:
            UnknownName: See the message.
        """
        known = self._described.get(word)
        if known is None:
            name = word.replace("-", "_")
            known = self._described[word] = describe(self._function(name, word, at), name)
        return known

    def names(self) -> list[str]:
        """List the words of all steps, sorted, without importing them."""
        return sorted({*builtin.STEPS, *self._built_in, *self._extras()})

    def _function(self, name: str, word: str, at: str) -> Callable[..., Any]:
        for steps in (builtin.STEPS, self._built_in):
            if name in steps:
                return steps[name]
        if name in self._extras():
            return self._own[self._extras()[name]]
        raise UnknownName("step", word, known=self.names(), at=at)

    def _extras(self) -> dict[str, str]:
        """Give the words of a user's own steps → their names as written."""
        if self._own_names is None:
            self._own = self._extra() if self._extra else {}
            names = {name.replace("-", "_"): name for name in self._own}
            for name in names:
                if name in builtin.STEPS or name in self._built_in:
                    raise UsageError(f"the step '{name}' exists already", fix="give your own step another name")
            self._own_names = names
        return self._own_names


def steps_in(package: str) -> Steps:
    """List the steps of a package: one module, one step, both of the same name.

    Args:
        package: Dotted name ("flowgate.steps").

    Returns:
        Word → function; a module is imported when its word is asked for.
    """
    spec = find_spec(package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return _Modules(package, [found.name for found in pkgutil.iter_modules(places) if not found.name.startswith("_")])


class _Modules(Mapping[str, Callable[..., Any]]):
    def __init__(self, package: str, names: list[str]) -> None:
        self._package, self._names = package, dict.fromkeys(names)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            raise KeyError(name)
        module = import_module(f"{self._package}.{name}")
        function = getattr(module, name, None)
        if not callable(function):
            raise StepContractError(f"{self._package}.{name} holds no function called {name}")
        found: Callable[..., Any] = function
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
