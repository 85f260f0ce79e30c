"""The user's own config of CLIProxyAPIPlus: read as the program reads it, with the line of each mistake.

Source: the settings in `data/cliproxy_settings.json` and their kinds are those of 6.8.16-0, 7.2.101-1, 7.2.137-9 and
CLIProxyAPI 7.2.140. The program ignores unknown names in silence; a value of another kind, or a name that is written
twice, keeps it from starting, and while it runs it then continues with its old settings. It expands no variables.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flowgate.errors import FlowGateError, InvalidValue, UsageError, raise_all

if TYPE_CHECKING:
    from flowgate.config.yaml_source import Marks
    from flowgate.domain import UpstreamSettings, Value

ALL_LINES = ("6.8", "7.2", "7.2.137", "7.2.140")
OWN_SECTION = "embedded"  # read by the embedded upstream only
UNKNOWN = "?"  # in place of the path of a setting that no line has
FREE = ("plugins.configs.*", "payload", OWN_SECTION, UNKNOWN)  # any name and any text is possible below these
PATHS = ("plugins.dir", "kiro[].token-file")  # the program looks for them in its working folder
REFERENCE = re.compile(r"os\.environ/[A-Za-z_]\w*|\$\{[A-Za-z_]\w*\}|^\$[A-Z_][A-Z0-9_]*$")
SIMILARITY = 0.75
KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "text": "text",
    "list": "a list",
    "map": "a mapping (key: value)",
}


@dataclass(slots=True)
class OwnSettings:
    """The user's own config of CLIProxyAPIPlus.

    Attributes:
        settings: Its settings; empty if there is no such config.
        file: Its path; empty if there is none.
        lines: Dotted path of a setting → its line.
        notes: What was changed while reading, one sentence each.
        warnings: What the program would ignore, one sentence each.
    """

    settings: UpstreamSettings = field(default_factory=lambda: cast("UpstreamSettings", {}))
    file: str = ""
    lines: Mapping[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def place(self, path: str) -> str:
        """Return `file:line` of a setting, or of its nearest ancestor that is written."""
        while path and path not in self.lines:
            path = path.rpartition(".")[0]
        return f"{self.file}:{self.lines.get(path, 1)}"


@cache
def known() -> Mapping[str, tuple[str, tuple[str, ...]]]:
    """Return every setting: its path (`[]` for an item, `*` for any name) → its kind, and the lines that have it."""
    from flowgate.system import files

    text = files.read_text(Path(__file__).with_name("data") / "cliproxy_settings.json")
    rows = {path: str(row).split() for path, row in json.loads(text).items()}
    return {path: (kind, tuple(lines) or ALL_LINES) for path, (kind, *lines) in rows.items()} | {
        OWN_SECTION: ("any", ALL_LINES)
    }


def read(text: str, file: Path, line: str = "") -> OwnSettings:
    """Read a config.

    Args:
        text: Its text.
        file: Its absolute path.
        line: The line of CLIProxyAPIPlus that a start would run; empty if it is not known.

    Raises:
        UsageError: It is not YAML, is empty, has a name twice, or a value that the program could not use; with the
            line.
    """
    from flowgate.config.yaml_source import Source

    source = Source(text, str(file))
    if source.root is None:
        fix = "write a setting into it, or remove -config from services.cliproxyapi_plus.command.args"
        raise UsageError("the CLIProxyAPIPlus config is empty", place=f"{file}:1", fix=fix)
    marks: Marks = {}
    keys: Marks = {}
    tree = source.plain(source.root, "", marks, keys)
    raise_all(str(file), source.faults)
    if not isinstance(tree, dict):
        raise UsageError("the CLIProxyAPIPlus config must be a mapping (key: value)", place=f"{file}:1")
    lines = {path.lstrip("."): at for path, (at, _) in (marks | keys).items()}
    found = OwnSettings(file=str(file), lines=lines)
    reader = _Reader(found, {path.lstrip("."): word for path, word in source.written.items()}, line)
    found.settings = cast("UpstreamSettings", {str(key): reader.child(value, str(key)) for key, value in tree.items()})
    raise_all(str(file), reader.faults)
    return found


def as_written(text: str) -> list[object]:
    """Return the settings of a config, and its numbers as they are written, also if the program could not use them.

    Args:
        text: The config's text; the result is empty if it is not YAML.
    """
    from flowgate.config.yaml_source import Source

    try:
        source = Source(text, "")
        tree = source.plain(source.root, "", {}, {}) if source.root else None
    except FlowGateError:
        return []
    return [tree, *({_name(path): word} for path, word in source.written.items())]


def _name(path: str) -> str:
    """Return the last part of a path that is no number: the name of the setting or list."""
    return next((part for part in reversed(path.split(".")) if not part.isdigit()), "")


class _Reader:
    """Compares values with their kinds; what the program would read as text stays as it is written."""

    def __init__(self, found: OwnSettings, written: Mapping[str, str], line: str) -> None:
        self.found, self.written, self.line = found, written, line
        self.faults: list[FlowGateError] = []

    def child(self, value: Value, path: str, parent: str = "") -> Value:
        """Return the value of a name, checked and converted."""
        name = path.rpartition(".")[2]
        known_as = next((one for one in (_join(parent, "*"), _join(parent, name)) if one in known()), "")
        if not known_as and parent.startswith(FREE):
            return self._value(value, path, parent)
        if not known_as:
            self._unknown(path, parent)
            return self._value(value, path, UNKNOWN)
        kind, lines = known()[known_as]
        if self.line and self.line not in lines and value is not None:
            has = ", ".join(one for one in lines)
            self._warn(path, f"CLIProxyAPIPlus {self.line} does not read '{path}' (other versions do: {has})")
        return self._value(value, path, known_as, kind)

    def _value(self, value: Value, path: str, known_as: str, kind: str = "any") -> Value:
        if value is None:
            return None
        checks: dict[str, Callable[[Value, str], bool]] = {
            "bool": lambda one, _: isinstance(one, bool) or one in ("y", "Y", "n", "N"),
            "int": self._is_whole,
            "text": lambda one, _: not isinstance(one, (dict, list)),
            "list": lambda one, _: isinstance(one, list),
            "map": lambda one, _: isinstance(one, dict),
        }
        if kind in checks and not checks[kind](value, path):
            self.faults.append(self._wrong(value, path, kind))
            return value
        if isinstance(value, dict):
            return {str(key): self.child(one, f"{path}.{key}", known_as) for key, one in value.items()}
        if isinstance(value, list):
            below = f"{known_as}[]"
            item = known().get(below, ("any", ()))[0]
            return [self._value(one, f"{path}.{number}", below, item) for number, one in enumerate(value)]
        return self._scalar(value, path, known_as, kind)

    def _scalar(self, value: Value, path: str, known_as: str, kind: str) -> Value:
        word = self.written.get(path)
        if word is not None and (kind == "text" or (kind == "any" and _is_text_in_go(value, word))):
            value = word
        if isinstance(value, str) and REFERENCE.search(value) and not known_as.startswith(FREE):
            what = f"CLIProxyAPIPlus does not resolve variables: it would use the text of '{path}' as it is written"
            self.faults.append(UsageError(what, place=self.found.place(path), fix="write the value itself"))
        if isinstance(value, str) and known_as in PATHS and value and not value.startswith(("/", "~")):
            made = str(Path(self.found.file).parent / value)
            self.found.notes.append(f"{self.found.place(path)}: {path} {value} → {made}, beside your file")
            return made
        return value

    def _is_whole(self, value: Value, path: str) -> bool:
        if isinstance(value, bool) or ":" in self.written.get(path, ""):
            return False
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())

    def _wrong(self, value: Value, path: str, kind: str) -> FlowGateError:
        secret = "key" in path or "token" in path or "url" in path
        shown = f"a {type(value).__name__}" if secret or isinstance(value, (dict, list)) else value
        shown = {"a dict": "a mapping", "a str": "a text", "a int": "a number"}.get(str(shown), shown)
        if not isinstance(shown, str) or shown == value:
            return InvalidValue(path, found=value, wanted=KINDS[kind], at=self.found.place(path))
        return UsageError(f"'{path}' must be {KINDS[kind]}, not {shown}", place=self.found.place(path))

    def _unknown(self, path: str, parent: str) -> None:
        from difflib import get_close_matches

        prefix = f"{parent}." if parent else ""
        names = [one.removeprefix(prefix) for one in known() if one.startswith(prefix)]
        names = [one for one in names if "." not in one and "[" not in one]
        near = get_close_matches(path.rpartition(".")[2].replace("_", "-").lower(), names, n=1, cutoff=SIMILARITY)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        self._warn(path, f"CLIProxyAPIPlus has no setting '{path}' and ignores it{meant}")

    def _warn(self, path: str, text: str) -> None:
        self.found.warnings.append(f"{text} ({self.found.place(path)})")


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name


def _is_text_in_go(value: Value, word: str) -> bool:
    """Return whether a scalar that YAML 1.1 reads as a number or a boolean is text in YAML 1.2."""
    return word.lower() not in ("true", "false") if isinstance(value, bool) else ":" in word
