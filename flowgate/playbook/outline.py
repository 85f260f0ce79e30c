"""List the tasks of a playbook in the order in which they are written.

For `--list-tasks` and `--start-at-task`, and for the command that resumes a failed run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from flowgate.domain import Outcome, Play, Task, Value, Variables
from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.builtin import FLUSH
from flowgate.playbook.expression_parser import find_templates, parse_expression
from flowgate.playbook.failure import task_name
from flowgate.playbook.inherited import Inherited, from_play
from flowgate.playbook.scope import defined_names
from flowgate.playbook.tags import selected

MAIN, RESCUE, ALWAYS, HANDLER = "", "rescue", "always", "handler"
BARE_PARAMS = {"assert": "that", "debug": "var"}  # parameters that are expressions without braces, by step


@dataclass(frozen=True, slots=True)
class Entry:
    """One task and its position in the playbook.

    Attributes:
        number: Number in the whole playbook, from 1.
        play: Number of its play, from 0.
        task: The task.
        name: Its name, rendered if all variables are known.
        tags: Its tags, with those of the blocks around it and of the play.
        section: "", "rescue", "always" or "handler": the section that contains it, or a block around it.
        around: The blocks around it, the outermost first.
    """

    number: int
    play: int
    task: Task
    name: str
    tags: frozenset[str]
    section: str = MAIN
    around: tuple[Task, ...] = ()

    def is_named(self, text: str) -> bool:
        """Return whether a text from `--start-at-task` names exactly this task."""
        return text in (self.name, self.task.name, f"#{self.number}", self.line, self.task.place)

    @property
    def line(self) -> str:
        """Return `file:line` of the task."""
        return self.task.place.rpartition(":")[0]


def outline(
    plays: Iterable[Play], variables: Variables | None = None, defaults: Variables | None = None
) -> list[Entry]:
    """List the tasks of plays: in each play the tasks, then the handlers.

    Args:
        plays: The plays in order.
        variables: Variables from `-e`.
        defaults: Variables from the config.

    Returns:
        All tasks, without `flush_handlers`.
    """
    found: list[Entry] = []
    for index, play in enumerate(plays):
        inherited = from_play(play, variables or {}, defaults or {}, {})
        for section, tasks in ((MAIN, play.tasks), (HANDLER, play.handlers)):
            for task, outer, part, blocks in _walk(tasks, inherited, section, ()):
                inside = outer.inside(task)
                name = task_name(task, inside.scope)
                found.append(Entry(len(found) + 1, index, task, name, inside.tags, part, blocks))
    return found


def _walk(
    tasks: Iterable[Task], inherited: Inherited, section: str, blocks: tuple[Task, ...]
) -> Iterator[tuple[Task, Inherited, str, tuple[Task, ...]]]:
    for task in tasks:
        if task.step:
            if task.step.replace("-", "_") != FLUSH:
                yield task, inherited, section, blocks
            continue
        inside, around = inherited.inside(task), (*blocks, task)
        for part, inner in ((section, task.block), (RESCUE, task.rescue), (ALWAYS, task.always)):
            # A block inside a rescue runs only after a failure, so all its sections belong to the rescue.
            yield from _walk(inner, inside, section if section == RESCUE else part, around)


def filter_by_tags(entries: Iterable[Entry], tags: Collection[str], skip_tags: Collection[str]) -> list[Entry]:
    """Select tasks by tags. Handlers run independently of the selected tags."""
    only = tuple(tags) or ("all",)
    return [entry for entry in entries if entry.section == HANDLER or selected(entry.tags, only, tuple(skip_tags))]


def find_start(entries: list[Entry], text: str, tags: Collection[str], skip_tags: Collection[str]) -> Entry:
    """Find the task that `--start-at-task` names.

    Args:
        entries: All tasks.
        text: A name, rendered or as written; a pattern (`Start*`); `file:line`; or `#7`, the number in `--list-tasks`.
        tags: Tags to run.
        skip_tags: Tags to skip.

    Returns:
        The first task that matches.

    Raises:
        UnknownName: No task matches.
        UsageError: The task cannot be the first one.
    """
    matching = [entry for entry in entries if entry.is_named(text)] or [
        entry for entry in entries if _like(entry, text)
    ]
    if not matching:
        known = [entry.name for entry in entries if entry.section in (MAIN, ALWAYS)]
        raise UnknownName("task", text, known=known)
    running = [entry for entry in filter_by_tags(matching, tags, skip_tags) if entry.section in (MAIN, ALWAYS)]
    if running:
        return running[0]
    first = matching[0]
    if first.section in (MAIN, ALWAYS):
        fix = f"its tags are: {', '.join(sorted(first.tags)) or 'none'}"
        raise UsageError(f"the selected tags exclude the task '{first.name}'", fix=fix, place=first.task.place)
    when = {RESCUE: "only after a failure", HANDLER: "only when it is notified"}[first.section]
    what = f"a run cannot start at '{first.name}', which runs {when}"
    raise UsageError(what, fix="start at a task before it (--list-tasks lists them)", place=first.task.place)


def _like(entry: Entry, text: str) -> bool:
    return any(fnmatchcase(name, text) for name in (entry.name, entry.task.name))


def resume_at(entries: list[Entry], plays: tuple[Play, ...], outcomes: Iterable[Outcome]) -> str | None:
    """Find the task at which a failed run can be resumed.

    This is the failed task, or the first task before it that defines variables (`register`, `set_fact`) which later
    tasks use.

    Args:
        entries: All tasks.
        plays: The plays.
        outcomes: Outcomes of the failed run.

    Returns:
        A text for `--start-at-task`; None when the whole playbook must be run again.
    """
    failed = next((outcome for outcome in outcomes if outcome.status == "failed"), None)
    if failed is None:
        return None
    at_place = [entry for entry in entries if entry.task.place == failed.place]
    same_name = [entry for entry in at_place if entry.name == failed.task]  # a file may be imported twice
    start = next(iter(same_name or at_place), None)
    if start is None or start.section not in (MAIN, ALWAYS):
        return None
    if start.section == MAIN:  # a task in `always` only cleans up, so the tasks before it need not run again
        start = _first_needed(entries, plays, start)
    return _unique_text(entries, start)


def _first_needed(entries: list[Entry], plays: tuple[Play, ...], start: Entry) -> Entry:
    """Go back to the first task that defines a variable which the tasks from the start on use."""
    while True:
        used = frozenset[str]().union(*(_names(play.vars) for play in plays[start.play :]))
        used = used.union(*(_used_names(entry) for entry in entries if entry.number >= start.number))
        earlier = (entry for entry in entries if entry.number < start.number and entry.section == MAIN)
        needed = next((entry for entry in earlier if defined_names(entry.task) & used), None)
        if needed is None:
            return start
        start = needed


def _used_names(entry: Entry) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for task in (*entry.around, entry.task):
        bare_param = BARE_PARAMS.get(task.step, "")
        bare_value = task.params.get(bare_param, ())
        conditions: tuple[Value, ...] = (*task.when, *task.until, *task.changed_when, *task.failed_when)
        conditions += tuple(bare_value) if isinstance(bare_value, (list, tuple)) else (bare_value,)
        found = found.union(*(parse_expression(text, bare=True).names for text in conditions if isinstance(text, str)))
        found |= _names([value for param, value in task.params.items() if param != bare_param])
        found |= _names([task.name, task.loop, task.retries, task.delay, task.timeout, list(task.notify)])
        found |= _names(task.vars)
    return found


def _names(value: Any) -> frozenset[str]:
    plain = dict(value) if isinstance(value, Mapping) else value
    return frozenset[str]().union(*(parse_expression(text).names for _, text in find_templates(plain)))


def _unique_text(entries: list[Entry], start: Entry) -> str:
    """Return a text for `--start-at-task` that only this task matches: its name, else its line, else its number."""
    for text in (start.name, start.line):
        if [entry for entry in entries if entry.is_named(text)] == [start]:
            return text
    return f"#{start.number}"
