"""One mapping of the config, read key by key: closed lists of keys, typed values, every fault kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from pathlib import Path
from posixpath import normpath
from typing import Any

from flowgate.errors import BadValue, Mistake, Refusal, UnknownName

PREFIX = "os.environ/"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
BYTES = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}


def under(root: Path, text: str) -> Path:
    """Give a path, absolute and without `..`; links are left as they are, so that nothing is looked up."""
    return Path(normpath(root / Path(text).expanduser()))


class Section:
    """A mapping under a dotted path; what is wrong in it goes to `faults`.

    place: gives `file:line` of a dotted path
    """

    def __init__(self, value: object, path: str, place: Callable[[str], str], faults: list[Refusal]) -> None:
        self.path, self.place, self.faults = path, place, faults
        self.tree: dict[str, Any] = {}
        if isinstance(value, dict):
            self.tree = value
        elif value is not None:
            self._refuse("", value, "a mapping (key: value)")

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that are not on a closed list, each with a suggestion."""
        for key in self.tree:
            if key not in known:
                self.faults.append(UnknownName("key", self._at(str(key)), known=self._full(known), at=self._place(key)))

    def _full(self, known: Collection[str]) -> list[str]:
        return [self._at(key) for key in known]

    def section(self, key: str) -> Section:
        """Give the mapping under a key; an absent one is empty."""
        return Section(self.tree.get(key), self._at(key), self.place, self.faults)

    def text(self, key: str, default: str | None = None) -> str | None:
        """Give a text."""
        value = self.tree.get(key)
        if value is None:
            return default
        if isinstance(value, str) and value.strip():
            return value
        self._refuse(key, value, "a text")
        return default

    def path_of(self, key: str, root: Path, default: Path) -> Path:
        """Give a path, absolute; a relative one is taken from the root."""
        text = self.text(key)
        return under(root, text) if text else default

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """Give a whole number between bounds."""
        value = self.tree.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        return int(self._refuse(key, value, f"a whole number from {low} to {high}", default))

    def seconds(self, key: str, default: float) -> float:
        """Give a length of time: a number of seconds, or a text like 30s, 10m, 1h."""
        value = self.tree.get(key, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 10**7:
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", str(value).strip()) if isinstance(value, str) else None
        if found:
            return float(found[1]) * SECONDS[found[2]]
        return float(self._refuse(key, value, "a length of time (30, 30s, 10m)", default))

    def size(self, key: str) -> int | None:
        """Give a number of bytes: a whole number, or a text like 800MB, 1GiB."""
        value = self.tree.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmg]?i?b)", str(value).strip().lower())
        if isinstance(value, str) and found:
            return int(float(found[1]) * BYTES[found[2]])
        self._refuse(key, value, "a size (800MB, 1GiB)")
        return None

    def choice(self, key: str, known: Collection[str], default: str) -> str:
        """Give one of a closed list of words."""
        value = self.tree.get(key, default)
        if isinstance(value, str) and value in known:
            return value
        if isinstance(value, str):
            self.faults.append(UnknownName(f"value of '{self._at(key)}'", value, known=known, at=self._place(key)))
            return default
        return str(self._refuse(key, value, f"one of {', '.join(known)}", default))

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Give a list of texts; numbers among them are taken as they are written."""
        value = self.tree.get(key)
        if value is None:
            return default
        good = isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value)
        if good and not any(isinstance(one, bool) for one in value):
            return tuple(str(one) for one in value)
        return tuple(self._refuse(key, value, "a list of texts", default))

    def refuse(self, key: str, what: str, hint: str = "") -> None:
        """Note a fault that is no matter of type."""
        self.faults.append(Mistake(what, place=self._place(key), hint=hint))

    def _refuse(self, key: str, found: object, wanted: str, default: Any = None) -> Any:
        self.faults.append(BadValue(self._at(key), found=found, wanted=wanted, at=self._place(key)))
        return default

    def _at(self, key: str) -> str:
        return ".".join(part for part in (self.path, key) if part)

    def _place(self, key: str) -> str:
        return self.place(self._at(str(key)))
