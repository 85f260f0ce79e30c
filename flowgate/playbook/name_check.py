"""Check expressions before the run: their syntax, and that every variable is defined."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from flowgate.domain import Task, Variables
from flowgate.errors import FlowGateError, InvalidValue, UnknownName, UsageError
from flowgate.playbook import ansible_keywords
from flowgate.playbook.expression_parser import Expression, find_templates, has_template, parse_expression
from flowgate.playbook.locate import Locate, below

# Variable -> its value as written and the locations in it; None for a plain value.
Known = dict[str, tuple[Any, Locate] | None]


@dataclass(frozen=True, slots=True)
class Visible:
    """The variables that an expression may use.

    Attributes:
        known: Variables from the config, `vars` and the executor.
        guarded: Variables that a surrounding `when` tests with `is defined`.
    """

    known: Known
    guarded: frozenset[str] = frozenset()

    def guarded_by(self, conditions: Iterable[Any]) -> Visible:
        """Add the variables that conditions test with `is defined`; errors in them are reported elsewhere."""
        guarded = set(self.guarded)
        for text in conditions:
            try:
                guarded |= parse_expression(text, bare=True).guarded if isinstance(text, str) else set()
            except UsageError:
                continue
        return Visible(self.known, frozenset(guarded))

    def with_names(self, names: Known) -> Visible:
        """Add variables."""
        return Visible(self.known | names, self.guarded) if names else self


@dataclass(slots=True)
class NameChecker:
    """Checks expressions and collects errors.

    Attributes:
        extra_vars: Names from `-e`.
        errors: Receives the errors.
        facts: Names that tasks registered or set so far.
        used: Names that any expression uses.
        reported: (location, subject) of the errors so far, so that none is reported twice.
    """

    extra_vars: frozenset[str]
    errors: list[FlowGateError]
    facts: set[str]
    used: set[str] = field(default_factory=set)
    reported: set[tuple[str, str]] = field(default_factory=set)

    def declare(self, variables: Variables, at: Locate) -> Known:
        """Check the syntax of `vars`. The names in them are checked where the variables are used."""
        place = below(at, "vars")
        for path, text in find_templates(dict(variables)):
            self._parse(text, place(path))
        return {name: (value, place) for name, value in variables.items()}

    def check_play_name(self, name: str, at: str, visible: Visible) -> None:
        """Check the expressions in the name of a play."""
        if has_template(name) and (expression := self._parse(name, at)):
            self._check_names(expression, at, visible, ())

    def check_value(self, value: Any, task: Task, path: str, visible: Visible) -> None:
        """Check the expressions inside a value.

        Args:
            value: The value as written.
            task: The task that contains it.
            path: Dotted path of the value under the task.
            visible: The variables that the value may use.
        """
        for inner, text in find_templates(value):
            at = task.at(f"{path}.{inner}" if inner else path)
            if expression := self._parse(text, at):
                self._check_names(expression, at, visible, ())

    def check_conditions(self, conditions: Iterable[Any], task: Task, path: str, visible: Visible) -> Visible:
        """Check conditions, which are expressions without braces.

        Args:
            conditions: The conditions as written.
            task: The task that contains them.
            path: Dotted path of the list of conditions under the task.
            visible: The variables that the conditions may use.

        Returns:
            `visible` with the variables that these conditions test. A test applies to all conditions of the list.
        """
        parsed: list[tuple[Expression, str]] = []
        for index, text in enumerate(conditions):
            at = task.at(f"{path}.{index}")
            if isinstance(text, str) and (expression := self._parse(text, at, bare=True)):
                parsed.append((expression, at))
            elif not isinstance(text, (str, bool)):
                wanted = "an expression or a list of expressions"
                self.errors.append(InvalidValue(path, found=text, wanted=wanted, at=at))
        guarded = visible.guarded.union(*(expression.guarded for expression, _ in parsed))
        inner = Visible(visible.known, guarded)
        for expression, at in parsed:
            self._check_names(expression, at, inner, ())
        return inner

    def _parse(self, text: str, at: str, *, bare: bool = False) -> Expression | None:
        try:
            expression = parse_expression(text, at, bare=bare)
        except UsageError as error:
            self._report(error, text)
            return None
        self.used |= expression.names
        return expression

    def _check_names(self, expression: Expression, at: str, visible: Visible, chain: tuple[str, ...]) -> None:
        ignored = (expression.guarded, visible.guarded, self.extra_vars, self.facts)
        for name in sorted(expression.names.difference(*ignored)):
            if name not in visible.known:
                error = UnknownName("variable", name, known={*visible.known, *self.extra_vars, *self.facts}, at=at)
                error.fix = ansible_keywords.VARIABLES.get(name, error.fix)
                self._report(error, name)
            elif (variable := visible.known[name]) is not None:
                self._check_definition(name, variable, visible, chain)

    def _check_definition(
        self, name: str, variable: tuple[Any, Locate], visible: Visible, chain: tuple[str, ...]
    ) -> None:
        """Check the expressions from which a variable is made, at the location of their definition."""
        value, place = variable
        if name in chain:
            self._report(UsageError(f"the variable '{name}' refers to itself", place=place(name)), name)
            return
        for path, text in find_templates(value):
            at = place(f"{name}.{path}" if path else name)
            if expression := self._parse(text, at):
                self._check_names(expression, at, visible, (*chain, name))

    def _report(self, error: FlowGateError, subject: str) -> None:
        if (error.place, subject) not in self.reported:
            self.reported.add((error.place, subject))
            self.errors.append(error)
