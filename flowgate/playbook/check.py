"""Check plays before anything runs: every step, parameter, expression and variable, all faults at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from flowgate.domain import Play, Task
from flowgate.errors import FlowGateError, InvalidValue, UnknownName, UsageError, raise_all
from flowgate.playbook import ansible_keywords
from flowgate.playbook.catalog import Catalog, StepInfo, faults
from flowgate.playbook.coerce import CONDITIONS, EVALUATED
from flowgate.playbook.expressions import Expression, Locate, study, templated, texts
from flowgate.playbook.keywords import TASK_READERS
from flowgate.playbook.scope import given

SPECIAL = ("all", "tagged", "untagged", "always", "never")  # tags with a meaning of their own
Known = dict[str, tuple[Any, Locate] | None]  # variable → what was written for it and where; None for a plain value


def check(
    plays: Iterable[Play],
    catalog: Catalog,
    variables: Collection[str],
    *,
    defaults: Collection[str] = (),
    tags: Collection[str] = (),
    faults: Collection[FlowGateError] = (),
) -> None:
    """Refuse what cannot run, before the first task looks.

    Args:
        variables: Names typed with `-e`.
        defaults: Names that the program and the config bring.
        tags: Those typed with `--tags` and `--skip-tags`.
        faults: What was found wrong while reading; told with the rest.

    Raises:
        UsageError: (several at once as MultipleErrors), each with `file:line:column`.
    """
    found: list[FlowGateError] = list(faults)
    known_tags: set[str] = set()
    facts: set[str] = set()
    file = ""
    for play in plays:
        file = play.place.rsplit(":", 2)[0]
        handlers = [handler.name for handler in play.handlers]
        checker = _Checker(catalog, frozenset(variables), handlers, found, facts)
        checker.late = {name for handler in play.handlers for name in given(handler)}
        known: Known = dict.fromkeys(defaults)
        known |= checker.written(play.vars, play.at)
        checker.tasks(play.tasks, known, frozenset())
        checker.tasks(play.handlers, known, frozenset())
        facts = checker.facts
        known_tags |= {*play.tags, *_tags(play.tasks)}
    found += [UnknownName("tag", tag, known=known_tags, at=file) for tag in tags if tag not in {*known_tags, *SPECIAL}]
    raise_all(f"the playbook {file}".rstrip(), sorted(found, key=_order))


def _tags(tasks: Iterable[Task]) -> set[str]:
    return {tag for task in tasks for tag in (*task.tags, *_tags((*task.block, *task.rescue, *task.always)))}


def _order(fault: FlowGateError) -> tuple[str, int, int]:
    """Order faults as they stand in their files; those without a place come first."""
    file, line, column = ["", "", "", *fault.place.rsplit(":", 2)][-3:]
    return (file, int(line), int(column)) if line.isdigit() and column.isdigit() else ("", 0, 0)


class _Checker:
    """Walks one play in running order; what tasks register becomes known to the tasks and the plays after them."""

    def __init__(
        self, catalog: Catalog, typed: frozenset[str], handlers: list[str], found: list[FlowGateError], facts: set[str]
    ) -> None:
        self.catalog, self.typed, self.handlers, self.found, self.facts = catalog, typed, handlers, found, facts
        self.told: set[tuple[str, str]] = set()
        self.late: set[str] = set()  # what handlers register and set: known once they may have run

    def written(self, variables: Mapping[str, Any], at: Locate) -> Known:
        """Check the syntax of `vars`; the names they use are checked where they are used."""

        def place(path: str) -> str:
            return at(f"vars.{path}")

        for path, text in texts(dict(variables)):
            self._study(text, place(path))
        return {name: (value, place) for name, value in variables.items()}

    def tasks(self, tasks: Iterable[Task], known: Known, guarded: frozenset[str]) -> None:
        """Check tasks in order.

        Args:
            guarded: Names that a surrounding `when` asks for with `is defined`.
        """
        for task in tasks:
            inner = known | self.written(task.vars, task.at) if task.vars else known
            if task.loop is not None:
                self._use(task.loop, task, "loop", inner, guarded)
                control = task.loop_control
                inner = inner | {name: None for name in (control.loop_var, control.index_var) if name}
                self._use(control.label, task, "loop_control.label", inner, guarded)
                self._use(control.pause, task, "loop_control.pause", inner, guarded)
            around = guarded | self._conditions(task.when, task, "when", inner, guarded)
            if task.name:
                self._use(task.name, task, "name", inner, around)
            self._notify(task, inner, around)
            if task.step:
                self._step(task, inner, around)
            elif task.block or task.rescue or task.always:
                self._block(task, inner, around)
                self._again(task, inner, around)
                self.tasks(task.rescue, inner | {"failed": None}, around)
                self.tasks(task.always, inner, around)

    def _block(self, task: Task, known: Known, guarded: frozenset[str]) -> None:
        """Check the tasks of a block; those that run beside each other do not see what the others register."""
        if task.parallel is None:
            return self.tasks(task.block, known, guarded)
        before, gathered = set(self.facts), set(self.facts)
        for one in task.block:
            self.facts = set(before)
            self.tasks((one,), known, guarded)
            gathered |= self.facts
        self.facts = gathered
        return None

    def _notify(self, task: Task, known: Known, guarded: frozenset[str]) -> None:
        """Check that every handler is there; a name that an expression makes is looked up when it is made."""
        dynamic = any(templated(name) for name in self.handlers)
        for index, name in enumerate(task.notify):
            at = task.at(f"notify.{index}")
            if templated(name):
                self._use(name, task, f"notify.{index}", known, guarded)
            elif name not in self.handlers and not dynamic:
                self.found.append(UnknownName("handler", name, known=self.handlers, at=at))

    def _step(self, task: Task, known: Known, guarded: frozenset[str]) -> None:
        info = self._find(task)
        if info is not None:
            self.found += faults(info, task.params, lambda name: task.at(f"{task.step}.{name}" if name else task.step))
            for name, value in task.params.items():
                param = info.params.get(name)
                if param is not None and param.kind in EVALUATED and param.kind != CONDITIONS and _is_heap(value):
                    path = f"{task.step}.{name}"
                    self.found.append(InvalidValue(path, found=value, wanted="an expression", at=task.at(path)))
                elif param is not None and param.kind in EVALUATED:
                    self._conditions(_listed(value), task, f"{task.step}.{name}", known, guarded)
                else:
                    self._use(value, task, f"{task.step}.{name}", known, guarded)
            if info.name == "set_fact":
                self._set_fact(task)
            if info.name == "flush_handlers":
                self.facts |= self.late
        self._use(task.timeout, task, "timeout", known, guarded)
        if task.register:
            self.facts.add(task.register)
        self._conditions(task.changed_when, task, "changed_when", known, guarded)
        self._conditions(task.failed_when, task, "failed_when", known, guarded)
        self._again(task, known, guarded)

    def _again(self, task: Task, known: Known, guarded: frozenset[str]) -> None:
        """Check what says how often to try."""
        for word in ("retries", "delay", "backoff", "max_delay", "parallel"):
            self._use(getattr(task, word), task, word, known, guarded)
        self._conditions(task.until, task, "until", known, guarded)

    def _find(self, task: Task) -> StepInfo | None:
        at = task.at(task.step)
        try:
            return self.catalog.find(task.step, at)
        except UnknownName as unknown:
            if fix := ansible_keywords.step_hint(task.step, frozenset(self.catalog.names())):
                what = f"Ansible's step '{task.step}' does not exist here"
                self.found.append(UsageError(what, fix=fix, place=at))
                return None
            words = get_close_matches(task.step, TASK_READERS, n=1)
            self.found.append(UnknownName("step", task.step, known=words, at=at) if words else unknown)
        except UsageError as mistake:
            self.found.append(mistake)
        return None

    def _set_fact(self, task: Task) -> None:
        for name in task.params:
            if not name.isidentifier():
                wanted = "a variable's name (letters, digits, _)"
                self.found.append(
                    InvalidValue("set_fact", found=name, wanted=wanted, at=task.at(f"{task.step}.{name}"))
                )
        self.facts |= given(task)

    def _conditions(
        self, conditions: Iterable[Any], task: Task, path: str, known: Known, guarded: frozenset[str]
    ) -> frozenset[str]:
        """Check conditions and give the names they guard; a guard holds for the whole list."""
        studied: list[tuple[Expression, str]] = []
        for index, text in enumerate(conditions):
            at = task.at(f"{path}.{index}")
            if isinstance(text, str) and (expression := self._study(text, at, bare=True)):
                studied.append((expression, at))
            elif not isinstance(text, (str, bool)):
                self.found.append(InvalidValue(path, found=text, wanted="an expression or a list of them", at=at))
        around = guarded.union(*(expression.guarded for expression, _ in studied))
        for expression, at in studied:
            self._names(expression, at, known, around, ())
        return around

    def _use(self, value: Any, task: Task, path: str, known: Known, guarded: frozenset[str]) -> None:
        for inner, text in texts(value):
            at = task.at(f"{path}.{inner}" if inner else path)
            if expression := self._study(text, at):
                self._names(expression, at, known, guarded, ())

    def _study(self, text: str, at: str, *, bare: bool = False) -> Expression | None:
        try:
            return study(text, at, bare=bare)
        except UsageError as mistake:
            self._tell(mistake, text)
            return None

    def _names(
        self, expression: Expression, at: str, known: Known, guarded: frozenset[str], through: tuple[str, ...]
    ) -> None:
        for name in sorted(expression.names - expression.guarded - guarded - self.typed - self.facts):
            if name not in known:
                everything = {*known, *self.typed, *self.facts}
                unknown = UnknownName("variable", name, known=everything, at=at)
                unknown.fix = ansible_keywords.VARIABLES.get(name, unknown.fix)
                self._tell(unknown, name)
            elif (variable := known[name]) is not None:
                self._follow(name, variable, known, guarded, through)

    def _follow(
        self, name: str, variable: tuple[Any, Locate], known: Known, guarded: frozenset[str], through: tuple[str, ...]
    ) -> None:
        """Check the names that a written variable is made from, at the place where it is written."""
        value, place = variable
        if name in through:
            self._tell(UsageError(f"the variable '{name}' is made from itself", place=place(name)), name)
            return
        for path, text in texts(value):
            at = place(f"{name}.{path}" if path else name)
            if expression := self._study(text, at):
                self._names(expression, at, known, guarded, (*through, name))

    def _tell(self, mistake: FlowGateError, subject: str) -> None:
        if (mistake.place, subject) not in self.told:
            self.told.add((mistake.place, subject))
            self.found.append(mistake)


def _is_heap(value: Any) -> bool:
    return isinstance(value, (list, tuple, Mapping))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
