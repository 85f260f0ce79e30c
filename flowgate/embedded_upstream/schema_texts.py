"""Example texts that fit a format, a pattern and a length."""

from __future__ import annotations

import re
from collections.abc import Iterator

FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "PT1M",
    "email": "user@example.com",
    "idn-email": "user@example.com",
    "hostname": "example.com",
    "idn-hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uri-reference": "https://example.com/",
    "iri": "https://example.com/",
    "url": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/example",
    "regex": "example",
    "byte": "ZXhhbXBsZQ==",
}
TRIED = (
    *("example", "a", "A", "0", "1", "Example", "EXAMPLE", "example-1", "a1", "A1", "example.txt", "/example"),
    *("1.0.0", "v1.0.0", "#000000", "+15550100", "12345", "00:00", "example/example", "en", "EN", "en-US", "USD"),
    *FORMATS.values(),
)
CLASSES = {"d": "0", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a", ".": "a"}
LONGEST = 10_000


def example(kind: str, pattern: str, least: int, most: int) -> str:
    """Return a text that fits.

    Args:
        kind: The format; empty for any.
        pattern: A regular expression; empty for none.
        least: The smallest number of characters.
        most: The largest; negative for no limit.
    """
    tried = [FORMATS[kind]] if kind in FORMATS else []
    fitting = _lengths([*tried, *(TRIED if pattern else ("example",)), *_built(pattern)], least, most, cut=not pattern)
    return next((one for one in fitting if _matches(pattern, one)), tried[0] if tried else "example")


def _matches(pattern: str, value: str) -> bool:
    try:
        return not pattern or re.search(pattern, value) is not None
    except (re.error, OverflowError):
        return True


def _lengths(texts: list[str], least: int, most: int, *, cut: bool) -> Iterator[str]:
    """Return the texts that have the right length, and after them those that were brought to it."""
    wanted = min(least, LONGEST)
    yield from (one for one in texts if len(one) >= wanted and (most < 0 or len(one) <= most))
    for one in texts:
        long = one if len(one) >= wanted else (one or "a") + (one[-1:] or "a") * (wanted - len(one))
        yield long if most < 0 or len(long) <= most or not cut else long[:most]


def _built(pattern: str) -> list[str]:
    """Build a text from a simple pattern: literals, classes, groups, alternatives and counts."""
    if not pattern:
        return []
    try:
        text, _ = _sequence(pattern, 0)
    except (IndexError, ValueError):
        return []
    return [text]


def _sequence(pattern: str, at: int) -> tuple[str, int]:
    """Build the first alternative up to the end or the closing parenthesis; return the text and where it ended."""
    text, first = "", None
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            first = text if first is None else first
            text, at = "", at + 1
            continue
        piece, at = _atom(pattern, at)
        count, at = _count(pattern, at)
        text += piece * count
    return (text if first is None else first), at


def _atom(pattern: str, at: int) -> tuple[str, int]:
    sign = pattern[at]
    if sign in "^$":
        return "", at + 1
    if sign == "(":
        start = at + 1
        if pattern.startswith("?", start):
            if pattern[start + 1] in "=!":  # a look-ahead takes no characters
                _, end = _sequence(pattern, start + 2)
                return "", end + 1
            start = pattern.index(">", start) + 1 if pattern[start + 1] in "P<" else start + 2
        text, end = _sequence(pattern, start)
        return text, end + 1
    if sign == "[":
        return _set(pattern, at + 1)
    if sign == "\\":
        escaped = pattern[at + 1]
        return ("" if escaped in "bBAZz" else CLASSES.get(escaped, escaped)), at + 2
    return ("a" if sign == "." else sign), at + 1


def _set(pattern: str, at: int) -> tuple[str, int]:
    """Return one character of a set, and where the set ends."""
    end = pattern.index("]", at + 1 + pattern.startswith("^", at))
    while pattern[end - 1] == "\\":
        end = pattern.index("]", end + 1)
    inside = pattern[at : end + 1]
    for one in ("a", "A", "0", "1", "-", "_", " ", *inside.replace("\\", "")):
        try:
            if re.fullmatch(f"[{inside}", one):
                return one, end + 1
        except re.error:
            break
    return inside[0], end + 1


def _count(pattern: str, at: int) -> tuple[int, int]:
    """Return how often the last piece is repeated, and where its count ends."""
    found = re.compile(r"(?:([?*+])|\{(\d*)(?:,\d*)?\})[?+]?").match(pattern, at)
    if found is None:
        return 1, at
    least = 1 if found[1] == "+" else 0 if found[1] else int(found[2] or 0)
    return min(least, LONGEST), found.end()
