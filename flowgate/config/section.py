"""One mapping of the config, read key by key: unknown keys are rejected, values are converted, errors collected."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from posixpath import normpath

from flowgate.config.document import Draft
from flowgate.config.keys import KINDS, TABLE, Key, Keys, Kind
from flowgate.config.yaml_source import Tree
from flowgate.domain import Reference
from flowgate.domain.secret_names import HiddenValue, is_secret_name
from flowgate.errors import InvalidValue, UnknownName, UsageError, suggestion

PREFIX = "os.environ/"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
QUOTES = "put it in quotes: YAML does not read 1, yes, no, on, off and ~ as strings"


class Section:
    """A mapping at a dotted path.

    Args:
        value: What the file contains at that path; anything but a mapping is an error.
        path: The dotted path.
        draft: Receives the errors and references.
        keys: The keys that the table has below this path.
    """

    def __init__(self, value: object, path: str, draft: Draft, keys: Keys = TABLE) -> None:
        self.path, self.draft, self.keys = path, draft, keys
        self.tree: Tree = {}
        if isinstance(value, dict):
            self.tree = value
        elif value is not None:
            self.wrong("", value, "a mapping (key: value)")

    def only(self, known: Collection[str] = (), fixes: Mapping[str, str] | None = None) -> None:
        """Reject unknown keys, each with a suggestion.

        Args:
            known: The known keys; by default, those of the table.
            fixes: Keys that belong elsewhere → what to do about them.
        """
        known = known or self.keys
        for key in self.tree:
            if key not in known:
                fault = UnknownName("key", self.at(key), known=map(self.at, known), at=self.draft.place(self.at(key)))
                # The suggestion compares last parts only: two long paths are similar whatever their ends are.
                near = re.sub(r"'(.+)'", lambda found: f"'{self.at(found[1])}'", suggestion(str(key), known))
                fault.fix = (fixes or {}).get(str(key), near)
                self.draft.faults.append(fault)

    def named(self, what: str, pattern: re.Pattern[str] = WORD, fix: str = "use letters, digits, - and _") -> list[str]:
        """Return the keys as names that the user chose, and reject those that do not match.

        Args:
            what: What such a name is ("a profile's name").
            pattern: What a name may look like.
            fix: The same, as advice.
        """
        found = [key for key in self.tree if isinstance(key, str) and pattern.fullmatch(key)]
        for key in self.tree:
            if key not in found:
                self.add_fault(key, f"'{key}' cannot be {what}", fix if isinstance(key, str) else QUOTES)
        return found

    def section(self, key: str) -> Section:
        """Return the mapping at a key; an absent one is empty."""
        below = self.keys.get(key, self.keys.get("*"))
        return Section(self.tree.get(key), self.at(key), self.draft, below if isinstance(below, dict) else {})

    def optional_text(self, key: str, fix: str = "") -> str | None:
        """Return a string that matches the key's pattern; the default if it is absent or wrong."""
        entry, kind = self._entry(key)
        value = self.tree.get(key)
        if value is None:
            return entry.default if isinstance(entry.default, str) else None
        if not _is_text(value):
            self.wrong(key, value, "a string", QUOTES if isinstance(value, (bool, int, float)) else "")
        elif "pattern" in kind.schema and not re.fullmatch(kind.schema["pattern"], value, re.ASCII):
            self.wrong(key, value, kind.wanted, fix)
        else:
            return str(value)
        return entry.default if isinstance(entry.default, str) else None

    def text(self, key: str, fix: str = "") -> str:
        """Return a string that matches the key's pattern, for a key with a default."""
        return self.optional_text(key, fix) or ""

    def optional_path(self, key: str, root: Path) -> Path | None:
        """Return an absolute path; a relative one is resolved against the root."""
        text = self.optional_text(key)
        return None if text is None else self._under(key, root, text)

    def paths_of(self, key: str, root: Path) -> tuple[Path, ...]:
        """Return a list of absolute paths."""
        return tuple(self._under(f"{key}.{index}", root, text) for index, text in enumerate(self.texts(key)))

    def _under(self, key: str, root: Path, text: str) -> Path:
        """Make a path absolute, without `..`; links are not followed, so nothing is looked up on disk."""
        try:
            return Path(normpath(root / Path(text).expanduser()))
        except RuntimeError:  # `~somebody` without a home
            self.wrong(key, text, "a path; that home folder does not exist")
            return root

    def whole(self, key: str, default: int) -> int:
        """Return a whole number within the key's bounds."""
        _, (schema, wanted) = self._entry(key)
        low, high, value = schema["minimum"], schema["maximum"], self.tree.get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        fix = "write it without quotes" if isinstance(value, str) and value.isdecimal() else ""
        self.wrong(key, value, wanted or f"a whole number from {low} to {high}", fix)
        return default

    def truth(self, key: str) -> bool:
        """Return a truth value."""
        entry, kind = self._entry(key)
        value = self.tree.get(key, entry.default)
        if isinstance(value, bool):
            return value
        fix = "write it without quotes" if value in ("true", "false") else ""
        self.wrong(key, value, kind.wanted, fix)
        return bool(entry.default)

    def seconds(self, key: str, *, above_zero: bool = False) -> float:
        """Return a duration in seconds: a number, or a string like 30s, 10m, 1h."""
        entry, kind = self._entry(key)
        value = self.tree.get(key, entry.default)
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(ms|s|m|h)", value.strip()) if _is_text(value) else None
        length = float(found[1]) * SECONDS[found[2]] if found else value
        good = isinstance(length, (int, float)) and not isinstance(length, bool) and 0 <= length < 10**7
        if good and (length or not above_zero):
            return float(length)
        self.wrong(key, value, kind.wanted + (" above 0" if above_zero else ""))
        return float(entry.default)

    def size(self, key: str) -> int | None:
        """Return a number of bytes: a whole number, or a string like 800MB, 1GiB."""
        value = self.tree.get(key)
        if value is None:
            return None
        pattern = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kmg]?i?b)"
        found = re.fullmatch(pattern, value.strip().lower()) if _is_text(value) else None
        count = int(float(found[1]) * BYTES[found[2]]) if found and found[2] in BYTES else value
        if isinstance(count, int) and not isinstance(count, bool) and count > 0:
            return count
        self.wrong(key, value, self._entry(key)[1].wanted)
        return None

    def choice(self, key: str) -> str:
        """Return one of the values that the key's kind lists."""
        entry, kind = self._entry(key)
        value, known = self.tree.get(key, entry.default), kind.schema["enum"]
        if not isinstance(value, str):
            self.wrong(key, value, f"one of {', '.join(known)}")
        elif self._is_known(f"value of '{self.at(key)}'", value, known, key):
            return value
        return str(entry.default)

    def choices(self, key: str) -> tuple[str, ...]:
        """Return a list of values that the key's kind lists."""
        kind = self._entry(key)[1]
        known, words = kind.schema["items"]["enum"], enumerate(self.texts(key))
        return tuple(word for index, word in words if self._is_known(kind.wanted, word, known, f"{key}.{index}"))

    def _is_known(self, kind: str, word: str, known: Collection[str], key: str) -> bool:
        if word not in known:
            self.draft.faults.append(UnknownName(kind, word, known=known, at=self.draft.place(self.at(key))))
        return word in known

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of strings that match the pattern of the key's items; numbers stay as they are written."""
        kind, value = self._entry(key)[1], self.tree.get(key)
        if value is None:
            return default
        found = [self.word(f"{key}.{index}", one) for index, one in enumerate(value)] if isinstance(value, list) else []
        words = tuple(word for word in found if word is not None)
        if not isinstance(value, list) or len(words) != len(value):
            self.wrong(key, value, "a list of strings")
            return default
        pattern = kind.schema["items"].get("pattern", "(?s:.*)")
        for index, word in enumerate(words):
            if not re.fullmatch(pattern, word):
                self.wrong(f"{key}.{index}", word, kind.wanted)
        return words

    def word(self, key: str, value: object) -> str | None:
        """Return a string, or a number as it is written (022 stays 022); None for anything else."""
        if isinstance(value, str):
            return None if "\0" in value else value
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return self.draft.written.get(self.at(key), str(value))
        return None

    def refer(self, key: str, value: object) -> None:
        """Record an `os.environ/NAME`; reject a malformed one, which LiteLLM would read as an empty key."""
        if not isinstance(value, str) or not value.startswith(PREFIX):
            return
        name, path = value.removeprefix(PREFIX), self.at(key)
        if NAME.fullmatch(name):
            self.draft.references.append(Reference(name, path, self.draft.place(path)))
        else:
            self.wrong(key, value, "os.environ/ followed by the name of a variable")

    def add_fault(self, key: str, what: str, fix: str = "") -> None:
        """Record an error that is not about a value's type or range."""
        self.draft.faults.append(UsageError(what, place=self.draft.place(self.at(key)), fix=fix))

    def wrong(self, key: str, found: object, wanted: str, fix: str = "") -> None:
        """Record a value of the wrong type or range.

        Args:
            key: The key, relative to this section.
            found: The value.
            wanted: What is expected, in words.
            fix: What to do.
        """
        path = self.at(key)
        if isinstance(found, (str, int, float)) and any(map(is_secret_name, path.split("."))):
            found = HiddenValue()
        self.draft.faults.append(InvalidValue(path, found=found, wanted=wanted, at=self.draft.place(path), fix=fix))

    def at(self, key: object) -> str:
        """Return the dotted path of a key."""
        return ".".join(part for part in (self.path, str(key)) if part)

    def _entry(self, key: str) -> tuple[Key, Kind]:
        entry = self.keys[key]
        if not isinstance(entry, Key):
            raise TypeError(self.at(key))
        return entry, KINDS[entry.kind]


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "\0" not in value
