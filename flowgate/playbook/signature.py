"""What a step takes: its parameters, read from its signature and docstring, and a task's values bound to them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flowgate.errors import FlowGateError, InvalidValue, StepContractError, UnknownName, UsageError, raise_all
from flowgate.playbook.coerce import EVALUATED, fit, type_text
from flowgate.playbook.expressions import Locate, templated

NOTHING = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a step.

    Attributes:
        name: Its word in YAML.
        argument: Its name in Python ("from_" for the word "from").
        kind: Its type, as typing gives it.
        type_text: The same for people ("int", "list[str]", "'a' | 'b'").
        default: The value when absent, or NOTHING when required.
        meaning: From the docstring.
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

    Attributes:
        open: It takes any further parameter (`set_fact`).
        gives: The docstring's line on what it registers.
        fails: Its line on how it fails.
    """

    name: str
    function: Callable[..., Any]
    summary: str
    params: Mapping[str, Param]
    returns: str
    open: bool = False
    raises: str = ""


def describe(function: Callable[..., Any], name: str = "") -> StepInfo:
    """Read what a step takes from its signature and docstring.

    Args:
        name: Its word; the function's own name when empty.

    Raises:
        StepContractError: A parameter without a type, or with one that YAML cannot give.
    """
    word = name or function.__name__.rstrip("_")
    summary, meanings, returns, raises = _docstring(inspect.getdoc(function) or "")
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
    return StepInfo(word, function, summary, params, returns, is_open, raises)


def bind(info: StepInfo, params: Mapping[str, Any], place: Locate) -> dict[str, Any]:
    """Fit rendered parameters to a step.

    Args:
        place: Gives the place of a parameter's value for its name, of its key for "name:", of the step for "".

    Returns:
        Arguments for the step's function.

    Raises:
        UnknownName: (missing), InvalidValue.
        UsageError: (missing), InvalidValue.
        FlowGateError: Several at once as MultipleErrors.
    """
    arguments: dict[str, Any] = {}
    raise_all(f"the step '{info.name}'", _fit(info, params, place, arguments, written=False))
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
                found.append(InvalidValue(path, found=value, wanted=str(wanted), at=place(name)))
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
    """Split a Google docstring into its first line, the meanings of parameters, what it returns, and what it raises."""
    import docstring_parser

    found = docstring_parser.google.parse(text)
    meanings = {param.arg_name: _one_line(param.description) for param in found.params}
    returns = " ".join(_one_line(one.description) for one in found.many_returns)
    raises = "; ".join(f"{one.type_name}: {_one_line(one.description)}" for one in found.raises)
    return found.short_description or "", meanings, returns, raises


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())
