"""The kinds of values that LiteLLM declares for its settings, and whether a value is of its kind."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

from flowgate.gateway.value_limits import Limits, is_duration, limits

NAMES = {
    **{name: name for name in ("int", "float", "bool", "str", "list", "dict")},
    **dict.fromkeys(("List", "Sequence", "tuple", "Tuple", "set", "Set"), "list"),
    **dict.fromkeys(("Dict", "Mapping", "RetryPolicy", "AllowedFailsPolicy"), "dict"),
}
NO_VALUE_OF_YAML = ("httpx.Timeout", "SDKTimeout")
WRAPPERS = ("Final", "Annotated", "ClassVar", "ReadOnly", "Required", "NotRequired")
NUMBER = re.compile(r"[+-]?(\d{1,20}(\.\d{0,20})?|\.\d{1,20})([eE][+-]?\d{1,4})?", re.ASCII)
DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)\s*(ms|s|m|h|d)[a-z]*", re.ASCII | re.IGNORECASE)
SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
NUMERALS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
WORDS = {"list": "a list", "dict": "a mapping (key: value)", "str": "a string", "bool": "true or false"}


@dataclass(frozen=True, slots=True)
class Kind:
    """What LiteLLM accepts for one setting.

    Attributes:
        types: Names out of "int", "float", "bool", "str", "list", "dict" and "none".
        words: The only strings that are accepted; empty if every string is.
        element: The kind of each value in a list or mapping, if that is a number or one of a few words.
    """

    types: frozenset[str]
    words: tuple[str, ...] = ()
    element: Kind | None = None

    @property
    def is_number(self) -> bool:
        """Whether the setting is a number."""
        return bool(self.types & {"int", "float"})


@dataclass(frozen=True, slots=True)
class Judged:
    """A value compared with its kind.

    Attributes:
        value: The value that LiteLLM should get: a quoted number becomes a number.
        wanted: What is expected, if the value is wrong; else empty.
        fix: What to write.
        why: Why LiteLLM should get another value than the written one.
    """

    value: object
    wanted: str = ""
    fix: str = ""
    why: str = "LiteLLM does not convert it"


def kind_of(annotation: ast.expr | None, aliases: Mapping[str, ast.expr]) -> Kind | None:
    """Return the kind that an annotation describes; None if it is not known or accepts anything.

    Args:
        annotation: The annotation.
        aliases: Names of types of the same module → their definitions.
    """
    if isinstance(annotation, ast.BinOp) and isinstance(annotation.op, ast.BitOr):
        return _union([annotation.left, annotation.right], aliases)
    if isinstance(annotation, ast.Constant):
        return Kind(frozenset({"none"})) if annotation.value is None else _quoted(annotation.value, aliases)
    if isinstance(annotation, ast.Subscript):
        return _subscript(annotation, aliases)
    name = ast.unparse(annotation) if annotation is not None else ""
    if name in NO_VALUE_OF_YAML:
        return Kind(frozenset())
    if name in aliases:
        return kind_of(aliases[name], {key: value for key, value in aliases.items() if key != name})
    plain = NAMES.get(name.rpartition(".")[2])
    return Kind(frozenset({plain})) if plain else None


def _quoted(text: object, aliases: Mapping[str, ast.expr]) -> Kind | None:
    try:
        return kind_of(ast.parse(str(text), mode="eval").body, aliases)
    except SyntaxError:
        return None


def _union(parts: list[ast.expr], aliases: Mapping[str, ast.expr]) -> Kind | None:
    kinds = [kind_of(part, aliases) for part in parts]
    known = [kind for kind in kinds if kind is not None]
    if len(known) < len(kinds):
        return None
    open_text = any("str" in kind.types and not kind.words for kind in known)
    return Kind(
        frozenset().union(*(kind.types for kind in known)),
        () if open_text else tuple(word for kind in known for word in kind.words),
        next((kind.element for kind in known if kind.element), None),
    )


def _subscript(annotation: ast.Subscript, aliases: Mapping[str, ast.expr]) -> Kind | None:
    name = ast.unparse(annotation.value).rpartition(".")[2]
    inner = annotation.slice.elts if isinstance(annotation.slice, ast.Tuple) else [annotation.slice]
    if name == "Literal":
        words = [one.value for one in inner if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        return Kind(frozenset({"str"}), tuple(words)) if len(words) == len(inner) else None
    if name == "Optional":
        return _union([*inner, ast.Constant(None)], aliases)
    if name == "Union":
        return _union(inner, aliases)
    if name in WRAPPERS:
        return kind_of(inner[0], aliases)
    if name not in NAMES:
        return None
    element = kind_of(inner[-1], aliases)
    return Kind(frozenset({NAMES[name]}), element=element if element and (element.is_number or element.words) else None)


def judge(kind: Kind, name: str, value: object, *, in_router: bool = False) -> Judged:
    """Compare a value with its kind.

    Args:
        kind: The kind.
        name: The setting's name, which may tell its unit and limits.
        value: The value; no `os.environ/` reference.
        in_router: The setting is one of the router, which takes some zeros as "not set".
    """
    if kind.is_number and is_duration(name):
        kind = replace(kind, types=kind.types - {"str"} | {"float"})
    bounds = limits(name, in_router=in_router)
    if isinstance(value, bool):
        return _boolean(kind, name, value)
    if isinstance(value, (int, float)):
        return _number(kind, name, value, bounds)
    if isinstance(value, str):
        return _text(kind, name, value, bounds)
    if value is None:
        missing = kind.is_number and "none" not in kind.types
        return Judged(value, _wanted(kind, name), "remove the key if it has no value") if missing else Judged(value)
    found = "dict" if isinstance(value, dict) else "list"
    wanted = _wanted(kind, name)
    return Judged(value) if found in kind.types else Judged(value, wanted, f"write {wanted}" if kind.is_number else "")


def _boolean(kind: Kind, name: str, value: bool) -> Judged:
    if "bool" in kind.types:
        return Judged(value)
    wanted = _wanted(kind, name)
    quoted = "str" in kind.types and not kind.words
    return Judged(value, wanted, "put it in quotes" if quoted else f"write {wanted}" if kind.is_number else "")


def _number(kind: Kind, name: str, value: float, bounds: Limits) -> Judged:
    wanted = _wanted(kind, name)
    if not kind.is_number:
        fix = "put it in quotes" if "str" in kind.types and not kind.words else ""
        fix = f"write {'true' if value else 'false'}" if kind.types <= {"bool", "none"} and value in (0, 1) else fix
        return Judged(value, wanted, fix)
    if isinstance(value, float) and not math.isfinite(value):
        return Judged(value, wanted, bounds.fix_of_none)
    if value == 0 and bounds.instead is not None:
        return Judged(bounds.instead, why=bounds.zero)
    if not bounds.contain(value):
        return Judged(value, wanted + bounds.phrase, bounds.advice(value))
    if isinstance(value, float) and "float" not in kind.types:
        if not value.is_integer():
            return Judged(value, wanted, f"write {math.floor(value)} or {math.ceil(value)}")
        return Judged(int(value))
    return Judged(value)


def _text(kind: Kind, name: str, value: str, bounds: Limits) -> Judged:
    stripped = value.strip()
    if "str" in kind.types:
        if not kind.words or value in kind.words:
            return Judged(value)
        near = get_close_matches(value, kind.words, n=1)
        wanted = f"one of {', '.join(kind.words)}"
        return Judged(value, wanted, f"did you mean '{near[0]}'?" if near else "")
    if kind.is_number:
        if NUMBER.fullmatch(stripped):
            number = float(stripped) if re.search("[.eE]", stripped) else int(stripped)
            return _number(kind, name, number, bounds)
        return Judged(value, _wanted(kind, name), _correction(name, stripped) or bounds.fix_of_none)
    if "bool" in kind.types:
        if stripped.lower() in ("true", "false"):
            return Judged(stripped.lower() == "true")
        return Judged(value, WORDS["bool"], "write true or false, without quotes")
    return Judged(value, _wanted(kind, name), f"write [{stripped}]" if "list" in kind.types and stripped else "")


def _correction(name: str, text: str) -> str:
    if text.lower() in NUMERALS:
        return f"write {NUMERALS.index(text.lower())}"
    found = DURATION.fullmatch(text)
    if not found or not is_duration(name):
        return ""
    return f"write {float(found[1]) * SECONDS[found[2].lower()]:.12g}"


def _wanted(kind: Kind, name: str) -> str:
    words = [f"one of {', '.join(kind.words)}"] if kind.words else []
    if kind.is_number:
        whole = "float" not in kind.types
        unit = "a number of seconds" if is_duration(name) else "a whole number" if whole else "a number"
        words.append(unit)
    names = ("bool", "list", "dict", *(() if kind.words else ("str",)))
    words += [WORDS[one] for one in names if one in kind.types]
    return " or ".join(words)
