"""The variables that a task sees, and their precedence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowgate.domain import Task, Value, Variables
from flowgate.errors import UsageError
from flowgate.playbook.check_mode import UNKNOWN, Unpredicted
from flowgate.playbook.expression_parser import has_template
from flowgate.playbook.expressions import render
from flowgate.playbook.locate import Locate, below, no_location

Layer = tuple[Variables, Locate]  # variables as written, and their locations


def defined_names(task: Task) -> frozenset[str]:
    """List the variables that a task defines with `register` and `set_fact`."""
    facts = task.params if task.step.replace("-", "_") == "set_fact" else {}
    return frozenset(name for name in (task.register, *facts) if name)


class Scope(Mapping[str, Value]):
    """Variables by name, rendered when they are looked up.

    Source: Ansible, "Understanding variable precedence": play < block < task < set_fact < -e.

    Attributes:
        layers: Variables as written, lowest precedence first: config, play, blocks, task.
        facts: Results of steps (`register`, `set_fact`), shared by the whole run. They are not rendered again.
        extra_vars: Variables from `-e`; they override all others except `local`.
        local: Variables of the executor: `item`, `failed`.
        rendering: Names that are being rendered, to detect a variable that refers to itself.
    """

    __slots__ = ("extra_vars", "facts", "layers", "local", "rendering")

    def __init__(
        self,
        layers: tuple[Layer, ...],
        facts: dict[str, Value],
        extra_vars: Variables,
        local: Variables,
        rendering: tuple[str, ...] = (),
    ) -> None:
        self.layers, self.facts, self.extra_vars = layers, facts, extra_vars
        self.local, self.rendering = local, rendering

    def with_layer(self, variables: Variables, at: Locate = no_location) -> Scope:
        """Add the `vars` of a block or task."""
        return Scope((*self.layers, (variables, at)), self.facts, self.extra_vars, self.local) if variables else self

    def with_local(self, **values: Any) -> Scope:
        """Add variables of the executor."""
        return Scope(self.layers, self.facts, self.extra_vars, {**self.local, **values})

    def __getitem__(self, name: str) -> Any:
        if name in self.local:
            return self.local[name]
        if name in self.extra_vars:
            return self._rendered(name, self.extra_vars[name], no_location)
        if name in self.facts:
            if self.facts[name] is UNKNOWN:
                raise Unpredicted(name)
            return self.facts[name]
        for variables, at in reversed(self.layers):
            if name in variables:
                return self._rendered(name, variables[name], at)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in mapping for mapping in self._mappings())

    def __iter__(self) -> Iterator[str]:
        return iter({name: None for mapping in self._mappings() for name in mapping})

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _mappings(self) -> tuple[Variables, ...]:
        return (self.local, self.extra_vars, self.facts, *(variables for variables, _ in self.layers))

    def _rendered(self, name: str, value: Any, at: Locate) -> Any:
        if not has_template(value):
            return value
        if name in self.rendering:
            cycle = " → ".join([*self.rendering[self.rendering.index(name) :], name])
            raise UsageError(f"the variable '{name}' refers to itself ({cycle})", place=at(name))
        inner = Scope(self.layers, self.facts, self.extra_vars, self.local, (*self.rendering, name))
        return render(value, inner, below(at, name))
