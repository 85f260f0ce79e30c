"""Find a step by its word: a step of the language, of a package, or a plugin."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from flowgate.errors import StepContractError, UnknownName, UsageError
from flowgate.playbook import builtin
from flowgate.playbook.signature import Param, StepInfo, bind, describe, find_errors

__all__ = ["Catalog", "Param", "StepInfo", "bind", "describe", "find_errors", "steps_in"]

Steps = Mapping[str, Callable[..., Any]]


class Catalog:
    """All steps by word. In a word, `-` and `_` are equivalent."""

    def __init__(self, built_in: Steps, plugins: Callable[[], Steps] | None = None) -> None:
        """Collect steps.

        Args:
            built_in: Functions by word; may be lazy, see `steps_in`.
            plugins: Returns the user's steps. Called only for a word that is not built in.
        """
        self._built_in, self._load_plugins = built_in, plugins
        self._plugins: Steps | None = None
        self._infos: dict[str, StepInfo] = {}

    def find(self, word: str, at: str = "") -> StepInfo:
        """Find a step and describe its parameters.

        Args:
            word: The word of the step, as written.
            at: `file:line:column` of the word.

        Returns:
            The description of the step.

        Raises:
            UnknownName: There is no step of this name.
        """
        info = self._infos.get(word)
        if info is None:
            name = word.replace("-", "_")
            info = self._infos[word] = describe(self._function(name, word, at), name)
        return info

    def names(self) -> list[str]:
        """List the words of all steps, sorted, without importing the steps."""
        return sorted({*builtin.STEPS, *self._built_in, *self._plugin_steps()})

    def _function(self, name: str, word: str, at: str) -> Callable[..., Any]:
        for steps in (builtin.STEPS, self._built_in):
            if name in steps:
                return steps[name]
        if name in self._plugin_steps():
            return self._plugin_steps()[name]
        raise UnknownName("step", word, known=self.names(), at=at)

    def _plugin_steps(self) -> Steps:
        if self._plugins is None:
            found = self._load_plugins() if self._load_plugins else {}
            for name in found:
                if name in builtin.STEPS or name in self._built_in:
                    raise UsageError(f"the step '{name}' exists already", fix="give your step another name")
            self._plugins = found
        return self._plugins


def steps_in(package: str) -> Steps:
    """List the steps of a package: each module is a step and contains a function of the same name.

    Args:
        package: Dotted name ("flowgate.steps").

    Returns:
        Functions by word. A module is imported when its word is looked up.
    """
    spec = find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    return _Modules(package, [found.name for found in pkgutil.iter_modules(folders) if not found.name.startswith("_")])


class _Modules(Mapping[str, Callable[..., Any]]):
    def __init__(self, package: str, names: list[str]) -> None:
        self._package, self._names = package, dict.fromkeys(names)

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name not in self._names:
            raise KeyError(name)
        function: object = getattr(import_module(f"{self._package}.{name}"), name, None)
        if not callable(function):
            raise StepContractError(f"the module {self._package}.{name} has no function '{name}'")
        return function

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)
