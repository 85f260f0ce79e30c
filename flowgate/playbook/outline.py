"""What a playbook holds, in the order it stands: to list it, to start in its middle, to go on where it failed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from flowgate.domain import Outcome, Play, Task
from flowgate.errors import UnknownName, UsageError
from flowgate.playbook.executor import FLUSH, Around, below
from flowgate.playbook.expressions import nowhere, study, texts
from flowgate.playbook.failure import label
from flowgate.playbook.scope import Scope, given
from flowgate.playbook.tags import selected

MAIN, RESCUE, ALWAYS, HANDLER = "", "rescue", "always", "handler"
BARE_STEPS = {"assert": "that", "debug": "var"}  # steps with a parameter that is an expression without braces


@dataclass(frozen=True, slots=True)
class Entry:
    """One task and where it stands.

    Attributes:
        number: Counted over the whole playbook, from 1.
        play: The number of its play, from 0.
        name: Rendered as far as variables are known, else as written.
        tags: Its own, those of the blocks around it, and the play's.
        section: "", or "rescue", "always", "handler" for the part that it, or a block around it, stands in.
        around: The blocks around it, the outermost first.
    """

    number: int
    play: int
    task: Task
    name: str
    tags: frozenset[str]
    section: str = MAIN
    around: tuple[Task, ...] = ()


def outline(
    plays: Iterable[Play], variables: Mapping[str, Any] | None = None, defaults: Mapping[str, Any] | None = None
) -> list[Entry]:
    """List the tasks of plays, handlers after the tasks.

    Args:
        variables: Typed with `-e`.
        defaults: The config's.
    """
    found: list[Entry] = []
    for index, play in enumerate(plays):
        scope = Scope(((defaults or {}, nowhere), (play.vars, below(play.at, "vars"))), {}, variables or {}, {})
        around = Around(scope, tags=frozenset(play.tags))
        for section, tasks in ((MAIN, play.tasks), (HANDLER, play.handlers)):
            for task, inside, part, blocks in _walk(tasks, around, section, ()):
                scope = inside.scope.inside(task.vars, below(task.at, "vars"))
                tags = inside.tags | frozenset(task.tags)
                found.append(Entry(len(found) + 1, index, task, label(task, scope), tags, part, blocks))
    return found


def _walk(
    tasks: Iterable[Task], around: Around, section: str, blocks: tuple[Task, ...]
) -> Iterator[tuple[Task, Around, str, tuple[Task, ...]]]:
    for task in tasks:
        if task.step:
            if task.step.replace("-", "_") != FLUSH:
                yield task, around, section, blocks
            continue
        inside, within = around.within(task), (*blocks, task)
        for part, inner in ((section, task.block), (RESCUE, task.rescue), (ALWAYS, task.always)):
            # What stands in a rescue stays there, however deep: it runs only after a failure.
            yield from _walk(inner, inside, section if section == RESCUE else part, within)


def filter_by_tags(entries: Iterable[Entry], tags: Collection[str], skip_tags: Collection[str]) -> list[Entry]:
    """Leave out the tasks that tags leave out; handlers run whatever tags were asked for."""
    only = tuple(tags) or ("all",)
    return [one for one in entries if one.section == HANDLER or selected(one.tags, only, tuple(skip_tags))]


def find_start(entries: list[Entry], typed: str, tags: Collection[str], skip_tags: Collection[str]) -> Entry:
    """Find the task that `--start-at-task` names.

    Args:
        typed: Its name, rendered or as written; a pattern (`Start*`); `file:line`; or `#7` as `--list-tasks`
            counts.

    Returns:
        The first that fits.

    Raises:
        UnknownName: See the message.
        UsageError: A task that cannot be the first.
    """
    fitting = [one for one in entries if _exact(one, typed)] or [one for one in entries if _like(one, typed)]
    if not fitting:
        raise UnknownName("task", typed, known=[one.name for one in entries if one.section in (MAIN, ALWAYS)])
    running = [one for one in filter_by_tags(fitting, tags, skip_tags) if one.section in (MAIN, ALWAYS)]
    if running:
        return running[0]
    first = fitting[0]
    if first.section in (MAIN, ALWAYS):
        fix = f"its tags are: {', '.join(sorted(first.tags)) or 'none'}"
        raise UsageError(f"the task '{first.name}' is left out by the tags asked for", fix=fix, place=first.task.place)
    why = {RESCUE: "only after a failure", HANDLER: "only when it is notified"}[first.section]
    what = f"a play cannot start at '{first.name}': it runs {why}"
    raise UsageError(what, fix="start at a task before it (--list-tasks shows them)", place=first.task.place)


def _exact(entry: Entry, typed: str) -> bool:
    file, line, _ = entry.task.place.rsplit(":", 2)
    return typed in (entry.name, entry.task.name, f"#{entry.number}", f"{file}:{line}", entry.task.place)


def _like(entry: Entry, typed: str) -> bool:
    return any(fnmatchcase(name, typed) for name in (entry.name, entry.task.name))


def resume_at(entries: list[Entry], plays: tuple[Play, ...], outcomes: Iterable[Outcome]) -> str | None:
    """Say where a run that failed can go on.

    It goes back from the task that failed to the first that gives what the later ones need (`register`, `set_fact`).

    Returns:
        What `--start-at-task` takes; None when only the whole playbook can be run again.
    """
    failed = next((one for one in outcomes if one.status == "failed"), None)
    at = [one for one in entries if failed is not None and one.task.place == failed.place]
    same_name = [one for one in at if failed is not None and one.name == failed.task]
    start = next(iter(same_name or at), None)
    if start is None or start.section not in (MAIN, ALWAYS):
        return None
    if start.section == MAIN:  # an `always` part repairs; it is not worth running a block again for
        start = _with_what_it_needs(entries, plays, start)
    return _spelled(entries, start)


def _with_what_it_needs(entries: list[Entry], plays: tuple[Play, ...], start: Entry) -> Entry:
    while True:
        later = [one for one in entries if one.number >= start.number]
        needed = frozenset[str]().union(*(_names(play.vars) for play in plays[start.play :]))
        needed = needed.union(*(_needs(one) for one in later))
        able = [
            one for one in entries if one.number < start.number and one.section == MAIN and given(one.task) & needed
        ]
        if not able:
            return start
        start = able[0]


def _needs(entry: Entry) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for task in (*entry.around, entry.task):
        bare = task.when + task.until + task.changed_when + task.failed_when
        listed = task.params.get(BARE_STEPS.get(task.step, ""), ())
        bare += tuple(listed) if isinstance(listed, (list, tuple)) else (listed,)
        found = found.union(*(study(text, bare=True).names for text in bare if isinstance(text, str)))
        found |= _names([dict(task.params) if task.step not in BARE_STEPS else _rest(task), dict(task.vars)])
        found |= _names([task.name, task.loop, task.retries, task.delay, task.timeout, list(task.notify)])
    return found


def _rest(task: Task) -> dict[str, Any]:
    return {name: value for name, value in task.params.items() if name != BARE_STEPS[task.step]}


def _names(value: Any) -> frozenset[str]:
    plain = dict(value) if isinstance(value, Mapping) else value
    return frozenset[str]().union(*(study(text).names for _, text in texts(plain)))


def _spelled(entries: list[Entry], start: Entry) -> str:
    """Name a task so that nothing else fits: its name, else its line, else its number."""
    file, line, _ = start.task.place.rsplit(":", 2)
    for typed in (start.name, f"{file}:{line}"):
        if [one for one in entries if _exact(one, typed)] == [start]:
            return typed
    return f"#{start.number}"
