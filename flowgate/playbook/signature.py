"""Describe steps by their signatures and docstrings, and bind the parameters of tasks to them."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from flowgate.domain import Value
from flowgate.errors import FlowGateError, InvalidValue, StepContractError, UnknownName, UsageError, raise_all
from flowgate.playbook.coerce import EVALUATED, WrongEntry, coerce, type_text
from flowgate.playbook.expression_parser import has_template
from flowgate.playbook.locate import Locate

REQUIRED = inspect.Parameter.empty

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class StepDoc:
    """The docstring of a step.

    Attributes:
        summary: First line.
        meanings: Description of each argument.
        returns: What the step registers.
        raises: How the step fails: exceptions and conditions.
    """

    summary: str
    meanings: Mapping[str, str]
    returns: str
    raises: str


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a step.

    Attributes:
        function: The function of the step.
        name: Name in YAML.
        argument: Name in Python ("from_" for the name "from").
        kind: Type, as `typing.get_type_hints` returns it.
        type_text: Type for people ("int", "list[text]", "'a' | 'b'").
        default: Default value, or `REQUIRED`.
    """

    function: Function
    name: str
    argument: str
    kind: Any
    type_text: str
    default: Any

    @property
    def required(self) -> bool:
        """Return whether a task must set the parameter."""
        return self.default is REQUIRED

    @property
    def meaning(self) -> str:
        """Return the description from the docstring."""
        return read_docstring(self.function).meanings.get(self.argument, "")


@dataclass(frozen=True, slots=True)
class StepInfo:
    """One step.

    Attributes:
        name: Word of the step.
        function: Function of the step.
        params: Parameters by their names in YAML.
        open: Whether the step accepts further parameters (`set_fact`).
    """

    name: str
    function: Function
    params: Mapping[str, Param]
    open: bool = False

    @property
    def summary(self) -> str:
        """Return the first line of the docstring."""
        return read_docstring(self.function).summary

    @property
    def returns(self) -> str:
        """Return the docstring's description of what the step registers."""
        return read_docstring(self.function).returns

    @property
    def raises(self) -> str:
        """Return the docstring's description of how the step fails."""
        return read_docstring(self.function).raises


def describe(function: Function, name: str = "") -> StepInfo:
    """Describe a step by its signature.

    Args:
        function: The function; its first parameter is the context.
        name: Word of the step; the name of the function by default.

    Returns:
        The description. The docstring is read when it is needed.

    Raises:
        StepContractError: A parameter has no type, or a type that YAML cannot express.
    """
    word = name or function.__name__.rstrip("_")
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
            what = f"the parameter '{parameter.name}' of the step '{word}' has a type that YAML cannot express: {kind}"
            raise StepContractError(what)
        yaml_name = parameter.name.rstrip("_")
        params[yaml_name] = Param(function, yaml_name, parameter.name, kind, text, parameter.default)
    return StepInfo(word, function, params, is_open)


@cache
def read_docstring(function: Function) -> StepDoc:
    """Read the Google-style docstring of a step."""
    from docstring_parser import google  # most runs need no docstring

    doc = google.parse(inspect.getdoc(function) or "")
    returns = (doc.returns.type_name, doc.returns.description) if doc.returns else ()
    raises = [f"{one.type_name}: {one.description}" for one in doc.raises]
    return StepDoc(
        summary=doc.short_description or "",
        meanings={param.arg_name: _one_line(param.description) for param in doc.params},
        returns=_one_line(": ".join(filter(None, returns))),
        raises=_one_line(" ".join(raises)),
    )


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def bind(info: StepInfo, params: Mapping[str, Any], place: Locate) -> dict[str, Any]:
    """Convert rendered parameters to the arguments of a step's function.

    Args:
        info: The step.
        params: Parameters by their names in YAML.
        place: Locates a parameter's value by its name, its key by "name:", the step by "".

    Returns:
        Arguments by name.

    Raises:
        UsageError: A parameter is unknown, missing, or of the wrong type. Several errors are one `MultipleErrors`.
    """
    arguments: dict[str, Any] = {}
    errors = _unknown(info, params, place) + _missing(info, params, place)
    for name, value in params.items():
        param = info.params.get(name)
        try:
            arguments[param.argument if param else name] = coerce(param.kind, value) if param else value
        except ValueError as wanted:
            errors.append(_invalid(info, name, value, wanted, place))
    raise_all(f"the step '{info.name}'", errors)
    return arguments


def find_errors(info: StepInfo, params: Mapping[str, Value], place: Locate) -> list[FlowGateError]:
    """Check parameters as written, before the run. Values with expressions are checked when they are rendered.

    Args:
        info: The step.
        params: Parameters by their names in YAML.
        place: See `bind`.

    Returns:
        All errors.
    """
    errors = _unknown(info, params, place)
    for name, value in params.items():
        param = info.params.get(name)
        if param is not None and param.kind not in EVALUATED and not _is_template(value):
            try:
                coerce(param.kind, value, _is_template)
            except ValueError as wanted:
                errors.append(_invalid(info, name, value, wanted, place))
    return errors + _missing(info, params, place)


def _unknown(info: StepInfo, params: Collection[str], place: Locate) -> list[FlowGateError]:
    unknown = [] if info.open else [name for name in params if name not in info.params]
    what = f"parameter of '{info.name}'"
    return [UnknownName(what, name, known=info.params, at=place(f"{name}:")) for name in unknown]


def _missing(info: StepInfo, params: Collection[str], place: Locate) -> list[FlowGateError]:
    return [
        UsageError(
            f"the step '{info.name}' needs the parameter '{name}'",
            fix=f"{name}: {param.meaning or param.type_text}",
            place=place(""),
        )
        for name, param in info.params.items()
        if param.required and name not in params
    ]


def _invalid(info: StepInfo, name: str, value: Any, wanted: ValueError, place: Locate) -> FlowGateError:
    if isinstance(wanted, WrongEntry):
        name, value = f"{name}.{wanted.path}", wanted.found
    return InvalidValue(f"{info.name}.{name}", found=value, wanted=str(wanted), at=place(name))


def _is_template(value: Any) -> bool:
    return isinstance(value, str) and has_template(value)
