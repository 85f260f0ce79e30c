"""Options and events of a run."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from flowgate.domain import Outcome, Task, Variables
from flowgate.playbook.run_context import RunClock


@dataclass(frozen=True, slots=True)
class Started:
    """A task starts; its `Outcome` follows.

    Attributes:
        task: Name of the task, rendered.
        step: Word of its step.
        place: `file:line:column` of the task.
    """

    task: str
    step: str
    place: str


Event = Started | Outcome


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options of a run.

    Attributes:
        emit: Called when a task starts and when it has ended.
        check: Check mode: nothing is changed. Work that would change something counts as changed.
        clock: For durations and waits; None for the clock of the context.
        defaults: Variables from the config; all others override them.
        tags: Tags to run, as in Ansible; empty for all.
        skip_tags: Tags to skip, as in Ansible.
        allow: Decides before each task, from its rendered name, whether it runs. With it, no tasks run in parallel.
        on_change: Called with the summary of a change before it is applied.
    """

    emit: Callable[[Event], None] = lambda event: None
    check: bool = False
    clock: RunClock | None = None
    defaults: Variables = field(default_factory=dict)
    tags: Collection[str] = ()
    skip_tags: Collection[str] = ()
    allow: Callable[[Task, str], bool] | None = None
    on_change: Callable[[str], None] = lambda summary: None
