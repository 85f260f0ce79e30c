"""The variables that one task sees, and who wins when two places set the same name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowgate.domain import Task
from flowgate.errors import UsageError
from flowgate.playbook.check_mode import Unknown
from flowgate.playbook.expressions import Locate, nowhere, render, templated

Layer = tuple[Mapping[str, Any], Locate]  # variables as written, and the place of each


def given(task: Task) -> frozenset[str]:
    """Name what a task registers and sets."""
    facts = task.params if task.step.replace("-", "_") == "set_fact" else {}
    return frozenset(name for name in (task.register, *facts) if name)


class Scope(Mapping[str, Any]):
    """Variables by name, rendered when asked for.

    Source: the order is Ansible's ("Understanding variable precedence"): play < block < task < set_fact < -e

    Attributes:
        written: As somebody wrote them, weakest first: defaults, play, blocks, task.
        facts: What steps gave (`register`, `set_fact`): shared by the whole run; never rendered again.
        typed: The `-e` of the command line: beats all but `local`.
        local: What the engine itself sets: `item`, `failed`.
    """

    __slots__ = ("facts", "local", "rendering", "typed", "written")

    def __init__(
        self,
        written: tuple[Layer, ...],
        facts: dict[str, Any],
        typed: Mapping[str, Any],
        local: Mapping[str, Any],
        rendering: tuple[str, ...] = (),
    ) -> None:
        self.written, self.facts, self.typed, self.local, self.rendering = written, facts, typed, local, rendering

    def inside(self, variables: Mapping[str, Any], at: Locate = nowhere) -> Scope:
        """Give the scope of a block or task that has `vars` of its own."""
        return Scope(self.written + ((variables, at),), self.facts, self.typed, self.local) if variables else self

    def naming(self, **values: Any) -> Scope:
        """Give a scope with more names of the engine's own."""
        return Scope(self.written, self.facts, self.typed, {**self.local, **values})

    def __getitem__(self, name: str) -> Any:
        if name in self.local:
            return self.local[name]
        if name in self.typed:
            return self._rendered(name, self.typed[name], nowhere)
        if name in self.facts:
            fact = self.facts[name]
            if isinstance(fact, Unknown):
                raise fact.refuse(name)
            return fact
        for variables, at in reversed(self.written):
            if name in variables:
                return self._rendered(name, variables[name], at)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        layers = (self.local, self.typed, self.facts, *(variables for variables, _ in self.written))
        return any(name in layer for layer in layers)

    def __iter__(self) -> Iterator[str]:
        layers = (self.local, self.typed, self.facts, *(variables for variables, _ in self.written))
        return iter({name: None for layer in layers for name in layer})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _rendered(self, name: str, value: Any, at: Locate) -> Any:
        if not templated(value):
            return value
        if name in self.rendering:
            circle = " → ".join([*self.rendering[self.rendering.index(name) :], name])
            raise UsageError(f"the variable '{name}' is made from itself ({circle})", place=at(name))
        deeper = Scope(self.written, self.facts, self.typed, self.local, (*self.rendering, name))
        return render(value, deeper, lambda path: at(f"{name}.{path}" if path else name))
