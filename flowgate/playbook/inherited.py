"""What a play, and each block in it, passes on to the tasks inside."""

from __future__ import annotations

from dataclasses import dataclass

from flowgate.domain import Play, Task, Value, Variables
from flowgate.playbook.locate import below, no_location
from flowgate.playbook.scope import Scope


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a play or block passes on to the tasks inside.

    Attributes:
        scope: Variables.
        when: Conditions with their locations.
        tags: Tags.
        ignore_errors: Whether failures are ignored.
        notify: Names of handlers.
    """

    scope: Scope
    when: tuple[tuple[str | bool, str], ...] = ()
    tags: frozenset[str] = frozenset()
    ignore_errors: bool = False
    notify: tuple[str, ...] = ()

    def inside(self, task: Task) -> Inherited:
        """Add what a block, or a task, sets itself."""
        return Inherited(
            scope=self.scope.with_layer(task.vars, below(task.at, "vars")),
            when=self.when + tuple((text, task.at(f"when.{index}")) for index, text in enumerate(task.when)),
            tags=self.tags | frozenset(task.tags) if task.tags else self.tags,
            ignore_errors=self.ignore_errors if task.ignore_errors is None else task.ignore_errors,
            notify=self.notify + task.notify,
        )


def from_play(play: Play, extra_vars: Variables, defaults: Variables, facts: dict[str, Value]) -> Inherited:
    """Return what a play passes on to its tasks.

    Args:
        play: The play.
        extra_vars: Variables from `-e`.
        defaults: Variables from the config.
        facts: What steps registered and set; shared with the plays before and after.

    Returns:
        The variables and tags of the play.
    """
    layers = ((defaults, no_location), (play.vars, below(play.at, "vars")))
    return Inherited(Scope(layers, facts, extra_vars, {}), tags=frozenset(play.tags))
