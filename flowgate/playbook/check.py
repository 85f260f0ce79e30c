"""Check plays before the run: steps, parameters, expressions and variables. All errors are reported at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from flowgate.domain import Play, Task
from flowgate.errors import FlowGateError, InvalidValue, UnknownName, UsageError, raise_all
from flowgate.playbook import ansible_keywords
from flowgate.playbook.builtin import FLUSH
from flowgate.playbook.catalog import Catalog, StepInfo, find_errors
from flowgate.playbook.coerce import CONDITIONS, EVALUATED
from flowgate.playbook.expression_parser import has_template
from flowgate.playbook.keywords import IDENTIFIER, TASK_READERS
from flowgate.playbook.locate import below
from flowgate.playbook.name_check import NameChecker, Visible
from flowgate.playbook.scope import defined_names

SPECIAL_TAGS = ("all", "tagged", "untagged", "always", "never")


def check(
    plays: Iterable[Play],
    catalog: Catalog,
    variables: Collection[str],
    *,
    defaults: Collection[str] = (),
    tags: Collection[str] = (),
    errors: Collection[FlowGateError] = (),
) -> frozenset[str]:
    """Check plays before the first task runs.

    Args:
        plays: The plays in order.
        catalog: All steps.
        variables: Names from `-e`.
        defaults: Names from the config.
        tags: Tags from `--tags` and `--skip-tags`.
        errors: Errors found so far, reported with the others.

    Returns:
        The names that expressions use, and those that `vars` define.

    Raises:
        UsageError: Something is wrong; the error has `file:line:column`. Several errors are one `MultipleErrors`.
    """
    found: list[FlowGateError] = list(errors)
    known_tags: set[str] = set()
    facts: set[str] = set()
    used: set[str] = set()
    file = ""
    for play in plays:
        file = play.place.rsplit(":", 2)[0]
        names = NameChecker(frozenset(variables), found, facts)
        set_late = {name for handler in play.handlers for name in defined_names(handler)}
        checker = _PlayChecker(catalog, names, [handler.name for handler in play.handlers], set_late)
        visible = Visible(dict.fromkeys(defaults)).with_names(names.declare(play.vars, play.at))
        names.check_play_name(play.name, play.at("name"), visible)
        checker.check_tasks(play.tasks, visible)
        checker.check_tasks(play.handlers, visible)
        facts = names.facts
        used |= names.used | play.vars.keys()
        known_tags |= {*play.tags, *_tags(play.tasks)}
    allowed = {*known_tags, *SPECIAL_TAGS}
    found += [UnknownName("tag", tag, known=known_tags, at=file) for tag in tags if tag not in allowed]
    raise_all(f"the playbook {file}".rstrip(), sorted(found, key=_location))
    return frozenset(used)


def _tags(tasks: Iterable[Task]) -> set[str]:
    return {tag for task in tasks for tag in (*task.tags, *_tags((*task.block, *task.rescue, *task.always)))}


def _location(error: FlowGateError) -> tuple[str, int, int]:
    """Return a sort key: the order in the files, errors without a location first."""
    file, line, column = ["", "", "", *error.place.rsplit(":", 2)][-3:]
    return (file, int(line), int(column)) if line.isdigit() and column.isdigit() else ("", 0, 0)


@dataclass(frozen=True, slots=True)
class _PlayChecker:
    """Checks the tasks of a play in the order in which they run.

    Attributes:
        catalog: All steps.
        names: Checks expressions; what tasks register is visible to the following tasks and plays.
        handlers: Names of the play's handlers.
        set_late: Names that the handlers register and set; visible after they may have run.
    """

    catalog: Catalog
    names: NameChecker
    handlers: list[str]
    set_late: set[str]

    def check_tasks(self, tasks: Iterable[Task], visible: Visible) -> None:
        for task in tasks:
            inner = visible.with_names(self.names.declare(task.vars, task.at)) if task.vars else visible
            if task.loop is not None:
                inner = self._check_loop(task, inner.guarded_by(task.when))
            inner = self.names.check_conditions(task.when, task, "when", inner)
            if task.name:
                self.names.check_value(task.name, task, "name", inner)
            self._check_notify(task, inner)
            if task.step:
                self._check_step(task, inner)
            elif task.block or task.rescue or task.always:
                self._check_block(task, inner)
                self._check_retries(task, inner)
                self.check_tasks(task.rescue, inner.with_names({"failed": None}))
                self.check_tasks(task.always, inner)

    def _check_loop(self, task: Task, visible: Visible) -> Visible:
        self.names.check_value(task.loop, task, "loop", visible)
        control = task.loop_control
        inner = visible.with_names({name: None for name in (control.loop_var, control.index_var) if name})
        self.names.check_value(control.label, task, "loop_control.label", inner)
        self.names.check_value(control.pause, task, "loop_control.pause", inner)
        return inner

    def _check_block(self, task: Task, visible: Visible) -> None:
        """Check the tasks of a block. Parallel tasks do not see what the others register."""
        if task.parallel is None:
            self.check_tasks(task.block, visible)
            return
        before, after = set(self.names.facts), set(self.names.facts)
        for one in task.block:
            self.names.facts = set(before)
            self.check_tasks((one,), visible)
            after |= self.names.facts
        self.names.facts = after

    def _check_notify(self, task: Task, visible: Visible) -> None:
        """Check that the handlers exist. A name with an expression is looked up when the task runs."""
        dynamic = any(has_template(name) for name in self.handlers)
        for index, name in enumerate(task.notify):
            if has_template(name):
                self.names.check_value(name, task, f"notify.{index}", visible)
            elif name not in self.handlers and not dynamic:
                at = task.at(f"notify.{index}")
                self.names.errors.append(UnknownName("handler", name, known=self.handlers, at=at))

    def _check_step(self, task: Task, visible: Visible) -> None:
        info = self._find(task)
        if info is not None:
            self._check_params(task, info, visible)
            if info.name == "set_fact":
                self._check_facts(task)
            if info.name == FLUSH:
                self.names.facts |= self.set_late
        self.names.check_value(task.timeout, task, "timeout", visible)
        if task.register:
            self.names.facts.add(task.register)
        self.names.check_conditions(task.changed_when, task, "changed_when", visible)
        self.names.check_conditions(task.failed_when, task, "failed_when", visible)
        self._check_retries(task, visible)

    def _check_params(self, task: Task, info: StepInfo, visible: Visible) -> None:
        self.names.errors += find_errors(info, task.params, below(task.at, task.step))
        for name, value in task.params.items():
            path, param = f"{task.step}.{name}", info.params.get(name)
            if param is None or param.kind not in EVALUATED:
                self.names.check_value(value, task, path, visible)
            elif param.kind != CONDITIONS and isinstance(value, (list, tuple, Mapping)):
                self.names.errors.append(InvalidValue(path, found=value, wanted="an expression", at=task.at(path)))
            else:
                self.names.check_conditions(_as_list(value), task, path, visible)

    def _check_retries(self, task: Task, visible: Visible) -> None:
        for word in ("retries", "delay", "backoff", "max_delay", "parallel"):
            self.names.check_value(getattr(task, word), task, word, visible)
        self.names.check_conditions(task.until, task, "until", visible)

    def _find(self, task: Task) -> StepInfo | None:
        at = task.at(task.step)
        try:
            return self.catalog.find(task.step, at)
        except UnknownName as unknown:
            self.names.errors.append(self._unknown_step(task.step, at) or unknown)
        except UsageError as error:
            self.names.errors.append(error)
        return None

    def _unknown_step(self, word: str, at: str) -> UsageError | None:
        """Explain a word that is an Ansible module or a mistyped keyword."""
        if fix := ansible_keywords.step_fix(word, self.catalog.names()):
            return UsageError(f"the Ansible module '{word}' is not available", fix=fix, place=at)
        keywords = get_close_matches(word, TASK_READERS, n=1)
        return UnknownName("step", word, known=keywords, at=at) if keywords else None

    def _check_facts(self, task: Task) -> None:
        for name in task.params:
            if not name.isidentifier():
                at = task.at(f"{task.step}.{name}")
                self.names.errors.append(InvalidValue("set_fact", found=name, wanted=IDENTIFIER, at=at))
        self.names.facts |= defined_names(task)


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
