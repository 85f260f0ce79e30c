"""What a step takes: its parameters, read from its signature and docstring, and a task's values bound to them."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowgate.errors import BadValue, FlowGateError, StepContractError, UnknownName, UsageError, gather
from flowgate.playbook.coerce import EVALUATED, fit, type_text
from flowgate.playbook.expressions import Locate, templated

NOTHING = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a step.

    name: its word in YAML
    argument: its name in Python ("from_" for the word "from")
    kind: its type, as typing gives it; type_text: the same for people ("int", "list[str]", "'a' | 'b'")
    default: the value when absent, or NOTHING when required
    meaning: from the docstring
    """

    name: str
    argument: str
    kind: Any
    type_text: str
    default: Any
    meaning: str

    @property
    def required(self) -> bool:
        """Tell whether it must be given."""
        return self.default is NOTHING


@dataclass(frozen=True, slots=True)
class StepInfo:
    """One step: its word, its function, and what its signature and docstring say.

    open: it takes any further parameter (`set_fact`)
    gives: the docstring's line on what it registers; fails: its line on how it fails
    """

    name: str
    function: Callable[..., Any]
    summary: str
    params: Mapping[str, Param]
    gives: str
    open: bool = False
    fails: str = ""


def describe(function: Callable[..., Any], name: str = "") -> StepInfo:
    """Read what a step takes from its signature and docstring.

    name: its word; the function's own name when empty
    Fails with: StepContractError for a parameter without a type, or with one that YAML cannot give
    """
    word = name or function.__name__.rstrip("_")
    summary, meanings, gives, fails = _docstring(inspect.getdoc(function) or "")
    kinds = typing.get_type_hints(function)
    params: dict[str, Param] = {}
    is_open = False
    for parameter in list(inspect.signature(function).parameters.values())[1:]:
        if parameter.kind is parameter.VAR_KEYWORD:
            is_open = True
            continue
        kind = kinds.get(parameter.name)
        text = type_text(kind)
        if not text:
            raise StepContractError(
                f"the step '{word}' declares '{parameter.name}' with a type that YAML cannot give: {kind}"
            )
        yaml_name = parameter.name.rstrip("_")
        meaning = meanings.get(parameter.name) or meanings.get(parameter.name.rstrip("_"), "")
        params[yaml_name] = Param(yaml_name, parameter.name, kind, text, parameter.default, meaning)
    return StepInfo(word, function, summary, params, gives, is_open, fails)


def bind(info: StepInfo, params: Mapping[str, Any], place: Locate) -> dict[str, Any]:
    """Fit rendered parameters to a step.

    place: gives the place of a parameter's value for its name, of its key for "name:", of the step for ""
    Gives: arguments for the step's function
    Fails with: UnknownName, UsageError (missing), BadValue; several at once as MultipleErrors
    """
    arguments: dict[str, Any] = {}
    gather(f"the step '{info.name}'", _fit(info, params, place, arguments, written=False))
    return arguments


def faults(info: StepInfo, params: Mapping[str, Any], place: Locate) -> list[FlowGateError]:
    """Find what is wrong with parameters as written; those that hold expressions are fitted when they are rendered."""
    return _fit(info, params, place, {}, written=True)


def _fit(
    info: StepInfo, params: Mapping[str, Any], place: Locate, arguments: dict[str, Any], *, written: bool
) -> list[FlowGateError]:
    found: list[FlowGateError] = []
    for name, value in params.items():
        param = info.params.get(name)
        if param is None:
            if info.open:
                arguments[name] = value
            else:
                found.append(UnknownName(f"parameter of '{info.name}'", name, known=info.params, at=place(f"{name}:")))
        elif not written or (param.kind not in EVALUATED and not _only_known_later(value)):
            try:
                arguments[param.argument] = fit(param.kind, _known_now(value) if written else value)
            except ValueError as wanted:
                path = f"{info.name}.{name}"
                found.append(BadValue(path, found=value, wanted=str(wanted), at=place(name)))
    for name, param in info.params.items():
        if param.required and name not in params:
            fix = f"{name}: {param.meaning}" if param.meaning else f"{name}: {param.type_text}"
            found.append(UsageError(f"the step '{info.name}' needs the parameter '{name}'", fix=fix, place=place("")))
    return found


def _only_known_later(value: Any) -> bool:
    return isinstance(value, str) and templated(value)


def _known_now(value: Any) -> Any:
    """Leave out what holds expressions; the rest of a list or a mapping is fitted before anything runs."""
    if isinstance(value, (list, tuple)):
        return [_known_now(one) for one in value if not _only_known_later(one)]
    if isinstance(value, Mapping):
        return {name: _known_now(one) for name, one in value.items() if not _only_known_later(one)}
    return value


def _docstring(text: str) -> tuple[str, dict[str, str], str, str]:
    """Split a docstring into its first line, the meanings of parameters, what it gives, and how it fails."""
    summary, _, rest = text.partition("\n")
    meanings: dict[str, str] = {}
    current: tuple[str, ...] = ()
    for line in rest.splitlines():
        match = re.match(r"([A-Za-z_][\w ,]*): (.*)", line)
        if match:
            current = tuple(name.strip() for name in match[1].split(","))
            for name in current:
                meanings[name] = match[2].strip()
        elif line.startswith(" ") and current:
            for name in current:
                meanings[name] += f" {line.strip()}"
        else:
            current = ()
    gives, fails = meanings.pop("Gives", ""), meanings.pop("Fails with", "")
    return summary, meanings, gives, fails
