"""Comparison of responses with their recordings, except for placeholders and values that change with each run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.subject import API, MANAGEMENT, Subject, Tree

FILES = {"6.8": "v6.8.16-0", "7.2": "v7.2.101-1", "7.2.137": "v7.2.137-9", "7.2.140": "mainline-v7.2.140"}
CHANGING = ("modtime", "created_at", "updated_at", "last_refresh", "size", "path", "auth_index", "recent_requests")
CHANGING_TEXTS = ("expired", "exported_at", "modified", "x-cpa-commit", "x-cpa-build-date")
PLACEHOLDER = re.compile(r"<[a-z][a-z0-9 -]*>")
URLS = ("url", "location")
CUT = re.compile(r"…\((\d+) in all\)")  # in place of the items that a recording leaves out
NAMES = ("id", "slug", "name")


def recorded(contract: str, kind: str) -> dict[str, Tree]:
    """Read a recording; the kind is "answers" or "flows"."""
    path = Path(__file__).parent / "data" / f"{FILES[contract]}.{kind}.json"
    rows: dict[str, Tree] = json.loads(path.read_text(encoding="utf-8"))
    return rows


def differences(wanted: Any, found: Any, at: str = "") -> Iterator[str]:
    """Describe where a response differs from its recording; values that change with each run only have to exist."""
    if isinstance(wanted, dict) and "html_title" in wanted:
        yield from _texts(wanted["html_title"], _title(str(found)), at)
    elif isinstance(wanted, dict) and isinstance(found, dict):
        for key in sorted(set(wanted) ^ set(found)):
            yield f"{at}.{key}: {'missing' if key in wanted else 'not in the recording'}"
        for key in set(wanted) & set(found) - {*CHANGING, *CHANGING_TEXTS}:
            compare = _urls if key in URLS else differences
            yield from compare(wanted[key], found[key], f"{at}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _lists(wanted, found, at)
    else:
        yield from _texts(wanted, found, at)


def _lists(wanted: list[Any], found: list[Any], at: str) -> Iterator[str]:
    """Compare lists; of one that is cut in the recording, the recorded items and the number."""
    cut = CUT.fullmatch(str(wanted[-1])) if wanted else None
    count = int(cut[1]) if cut else len(wanted)
    if count != len(found):
        yield f"{at}: {count} recorded, {len(found)} found"
    if cut:
        wanted, known = wanted[:-1], [_name(one) for one in wanted]
        found = [one for one in found if _name(one) in known] or found[: len(wanted)]
    for number, (one, other) in enumerate(zip(_ordered(wanted), _ordered(found), strict=False)):
        yield from differences(one, other, f"{at}[{number}]")


def _name(row: Any) -> str:
    named = [row[key] for key in NAMES if key in row] if isinstance(row, dict) else []
    return str(named[0]) if named else ""


def _ordered(rows: list[Any]) -> list[Any]:
    """Sort models: the real program lists them in random order."""
    return sorted(rows, key=_name) if all(_name(row) for row in rows) else rows


def _texts(wanted: Any, found: Any, at: str) -> Iterator[str]:
    if isinstance(wanted, str) and isinstance(found, str):
        pattern = ".+".join(re.escape(part) for part in PLACEHOLDER.split(wanted))
        if not re.fullmatch(pattern, found, re.DOTALL):
            yield f"{at}: {wanted!r} recorded, {found!r} found"
    elif wanted != found:
        yield f"{at}: {wanted!r} recorded, {found!r} found"


def _urls(wanted: str, found: str, at: str) -> Iterator[str]:
    """Compare addresses by their queries: those of the embedded upstream lead to its own page, not to the vendor."""
    expected, query = (parse_qs(urlsplit(one).query) for one in (wanted, found))
    same_client = {"client_id": expected["client_id"]} if "client_id" in expected else {}
    yield from differences(expected, {**query, **same_client}, at)


def _title(page: str) -> str:
    found = re.search("<title>(.*?)</title>", page)
    return found[1] if found else ""


def normal(row: Tree, subject: Subject) -> Tree:
    """Replace the values of this run by the recording's placeholders."""
    text = json.dumps(row)
    usual = {"codex": 1455, "anthropic": 54545}
    for name, port in subject.ports.items():
        text = text.replace(str(port), str(usual[name]))
    text = text.replace(str(subject.auth), "<tmp>/one/auth")
    own = {str(subject.port): "<port>", "127.0.0.1:8316": "127.0.0.1:<port>", API: "<api-key>"}
    for value, name in {**own, MANAGEMENT: "<management-key>"}.items():
        text = text.replace(value, name)
    found: Tree = json.loads(re.sub(r"error-v1-[\w-]+\.log", "error.log", text))
    return found
