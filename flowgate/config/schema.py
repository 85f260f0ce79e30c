"""One mapping of the config, read key by key: closed lists of keys, typed values, every fault kept."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from posixpath import normpath
from typing import Any

from flowgate.config.document import Draft
from flowgate.domain import Reference
from flowgate.errors import InvalidValue, UnknownName, UsageError, suggestion

PREFIX = "os.environ/"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
QUOTES = "put it in quotes: YAML reads 1, yes, no, on, off and ~ as something other than a text"


def under(root: Path, text: str) -> Path:
    """Give a path, absolute and without `..`; links are left as they are, so that nothing is looked up."""
    return Path(normpath(root / Path(text).expanduser()))


class Section:
    """A mapping under a dotted path; what is wrong in it goes to the draft's faults."""

    def __init__(self, value: object, path: str, draft: Draft) -> None:
        self.path, self.draft = path, draft
        self.tree: dict[str, Any] = {}
        if isinstance(value, dict):
            self.tree = value
        elif value is not None:
            self.wrong("", value, "a mapping (key: value)")

    def only(self, known: Collection[str]) -> None:
        """Refuse keys that are not on a closed list, each with a suggestion."""
        for key in self.tree:
            if key not in known:
                fault = UnknownName("key", self.at(key), known=map(self.at, known), at=self.draft.place(self.at(key)))
                # Compared by its last word alone: two long paths resemble each other whatever they end in.
                near = re.sub(r"'(.+)'", lambda found: f"'{self.at(found[1])}'", suggestion(str(key), known))
                fault.fix = near
                self.draft.faults.append(fault)

    def named(self, what: str, pattern: re.Pattern[str] = WORD, fix: str = "use letters, digits, - and _") -> list[str]:
        """Give the names that the user chose for the entries; one that is no plain word is refused.

        Args:
            what: What such a name stands for ("a profile's name").
        """
        found = [key for key in self.tree if isinstance(key, str) and pattern.fullmatch(key)]
        for key in self.tree:
            if key not in found:
                self.add_fault(key, f"'{key}' cannot be {what}", fix if isinstance(key, str) else QUOTES)
        return found

    def section(self, key: str) -> Section:
        """Give the mapping under a key; an absent one is empty."""
        return Section(self.tree.get(key), self.at(key), self.draft)

    def text(self, key: str, default: str | None = None) -> str | None:
        """Give a text."""
        value = self.tree.get(key)
        if value is None:
            return default
        if _is_text(value):
            return str(value)
        self.wrong(key, value, "a text", QUOTES if isinstance(value, (bool, int, float)) else "")
        return default

    def matching(self, key: str, pattern: str, wanted: str, default: str | None = None) -> str | None:
        """Give a text of a certain form.

        Args:
            wanted: The form, in words.
        """
        value = self.text(key, default)
        if value is None or re.fullmatch(pattern, value, re.ASCII):
            return value
        self.wrong(key, value, wanted)
        return default

    def path_of(self, key: str, root: Path, default: Path) -> Path:
        """Give a path, absolute; a relative one is taken from the root."""
        text = self.text(key)
        return default if text is None else self._under(key, root, text)

    def paths_of(self, key: str, root: Path) -> tuple[Path, ...]:
        """Give a list of paths, absolute."""
        return tuple(self._under(f"{key}.{index}", root, text) for index, text in enumerate(self.texts(key)))

    def _under(self, key: str, root: Path, text: str) -> Path:
        try:
            return under(root, text)
        except RuntimeError:  # `~somebody` without a home
            self.wrong(key, text, "a path; that home folder is not known")
            return root

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """Give a whole number between bounds."""
        value = self.tree.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        fix = "write it without quotes" if isinstance(value, str) and value.isdecimal() else ""
        self.wrong(key, value, f"a whole number from {low} to {high}", fix)
        return default

    def seconds(self, key: str, default: float, *, above_zero: bool = False) -> float:
        """Give a length of time: a number of seconds, or a text like 30s, 10m, 1h."""
        value = self.tree.get(key, default)
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h)", value.strip()) if _is_text(value) else None
        length = float(found[1]) * SECONDS[found[2]] if found else value
        good = isinstance(length, (int, float)) and not isinstance(length, bool) and 0 <= length < 10**7
        if good and (length or not above_zero):
            return float(length)
        self.wrong(key, value, "a length of time (30, 30s, 10m)" + (" above 0" if above_zero else ""))
        return default

    def size(self, key: str) -> int | None:
        """Give a number of bytes: a whole number, or a text like 800MB, 1GiB."""
        value = self.tree.get(key)
        if value is None:
            return None
        pattern = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kmg]?i?b)"
        found = re.fullmatch(pattern, value.strip().lower()) if _is_text(value) else None
        count = int(float(found[1]) * BYTES[found[2]]) if found and found[2] in BYTES else value
        if isinstance(count, int) and not isinstance(count, bool) and count > 0:
            return count
        self.wrong(key, value, "a size (800MB, 1GiB)")
        return None

    def choice(self, key: str, known: Collection[str], default: str) -> str:
        """Give one of a closed list of words."""
        value = self.tree.get(key, default)
        if isinstance(value, str):
            return value if self._is_known(f"value of '{self.at(key)}'", value, known, key) else default
        self.wrong(key, value, f"one of {', '.join(known)}")
        return default

    def choices(self, key: str, kind: str, known: Collection[str]) -> tuple[str, ...]:
        """Give a list of words, each from a closed list.

        Args:
            kind: What the words stand for ("service").
        """
        words = enumerate(self.texts(key))
        return tuple(word for index, word in words if self._is_known(kind, word, known, f"{key}.{index}"))

    def _is_known(self, kind: str, word: str, known: Collection[str], key: str) -> bool:
        if word not in known:
            self.draft.faults.append(UnknownName(kind, word, known=known, at=self.draft.place(self.at(key))))
        return word in known

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Give a list of texts; numbers among them are taken as they are written."""
        value = self.tree.get(key)
        if value is None:
            return default
        found = [self.word(f"{key}.{index}", one) for index, one in enumerate(value)] if isinstance(value, list) else []
        words = tuple(word for word in found if word is not None)
        if isinstance(value, list) and len(words) == len(value):
            return words
        self.wrong(key, value, "a list of texts")
        return default

    def word(self, key: str, value: object) -> str | None:
        """Give a text, or a number as it is written (022 stays 022); None for anything else."""
        if isinstance(value, str):
            return None if "\0" in value else value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.draft.written.get(self.at(key), str(value))
        return None

    def refer(self, key: str, value: object) -> None:
        """Note an `os.environ/NAME`; LiteLLM takes a malformed one for an empty key."""
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return
        name, path = value.removeprefix(PREFIX), self.at(key)
        if NAME.fullmatch(name):
            self.draft.references.append(Reference(name, path, self.draft.place(path)))
        else:
            self.wrong(key, value, "os.environ/ and the name of a variable")

    def add_fault(self, key: str, what: str, fix: str = "") -> None:
        """Note a fault that is no matter of type."""
        self.draft.faults.append(UsageError(what, place=self.draft.place(self.at(key)), fix=fix))

    def wrong(self, key: str, found: object, wanted: str, fix: str = "") -> None:
        """Note a value of the wrong type or range.

        Args:
            wanted: What belongs there, in words.
        """
        path = self.at(key)
        self.draft.faults.append(InvalidValue(path, found=found, wanted=wanted, at=self.draft.place(path), fix=fix))

    def at(self, key: object) -> str:
        """Give the dotted path of a key."""
        return ".".join(part for part in (self.path, str(key)) if part)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value
