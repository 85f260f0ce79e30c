"""Results of rehearsals and audits that are kept in the runtime folder, for the dashboard.

A file has two lines of JSON: a heading with the verdicts, and what `--json` prints. It can be read by its owner only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, TypedDict

from flowgate.audit.result import AuditResult
from flowgate.cli import console
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError
from flowgate.rehearsal.result import RehearsalResult
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

Kind = Literal["rehearsal", "audit"]
KINDS: tuple[Kind, ...] = ("rehearsal", "audit")
FOLDER = "reports"  # in the runtime folder
VERSION = 1
MOST = 25  # of each kind
MOST_IDS, MOST_OUTAGES = 50, 200  # that are kept of an audit
LARGEST = 4_000_000  # characters
WORST_FIRST = ("broken", "cannot", "kept", "unknown", "not exercised")


class Verdict(TypedDict):
    """The verdict on one promise of a profile: of all its scenarios, the worst."""

    profile: str
    promise: str
    promised: str
    verdict: str


class Heading(TypedDict):
    """The first line of a file."""

    version: int
    kind: Kind
    at: str
    title: str
    broken: int
    verdicts: list[Verdict]


class Kept(NamedTuple):
    """A report that is kept.

    Attributes:
        name: Its name, as in an address.
        heading: Its heading.
    """

    name: str
    heading: Heading


def keep_audit(session: Session, result: AuditResult) -> None:
    """Keep the result of an audit; a failure to do so is printed and changes nothing.

    Args:
        session: The config.
        result: The result.
    """
    profiles = [
        {**one, "promises": [{**each, "requests": each["requests"][:MOST_IDS]} for each in one["promises"]]}
        for one in result["profiles"]
    ]
    shorter = {**result, "profiles": profiles, "outages": result["outages"][-MOST_OUTAGES:]}
    found = [
        Verdict(profile=one["profile"], promise=each["promise"], promised=each["promised"], verdict=each["verdict"])
        for one in result["profiles"]
        for each in one["promises"]
    ]
    title = f"{_short(result['since'])} to {_short(result['until'])}, {result['requests']} requests"
    _keep(session, "audit", title, result["broken"], found, shorter)


def keep_rehearsal(session: Session, result: RehearsalResult) -> None:
    """Keep the result of a rehearsal; a failure to do so is printed and changes nothing.

    Args:
        session: The config.
        result: The result.
    """
    found = [
        Verdict(profile=one["profile"], promise=each["promise"], promised=each["promised"], verdict=each["verdict"])
        for one in result["profiles"]
        for each in one["promises"]
    ]
    scenarios = sum(len(one["scenarios"]) for one in result["profiles"])
    title = f"{', '.join(one['profile'] for one in result['profiles'])}, {scenarios} scenarios"
    _keep(session, "rehearsal", title, result["broken"], found, result)


def _keep(session: Session, kind: Kind, title: str, broken: int, found: list[Verdict], result: object) -> None:
    now = Clock().wall()
    heading: Heading = {
        "version": VERSION,
        "kind": kind,
        "at": stamp(now),
        "title": title,
        "broken": broken,
        "verdicts": worst(found),
    }
    folder = session.config.paths.runtime_dir / FOLDER
    text = console.masked(json.dumps(heading) + "\n" + json.dumps(result) + "\n")
    try:
        if len(text) <= LARGEST:
            files.write_atomic(folder / f"{kind}-{now:%Y%m%dT%H%M%S%f}.jsonl", text)
        files.delete(sorted(files.listing(folder, f"{kind}-*.jsonl"), reverse=True)[MOST:])
    except FlowGateError as error:
        console.note(f"warning: the result is not kept for the dashboard: {error.what}")


def worst(found: Iterable[Verdict]) -> list[Verdict]:
    """Return one verdict for each profile and promise: the worst one.

    Args:
        found: The verdicts.
    """
    kept: dict[tuple[str, str], Verdict] = {}
    for one in sorted(found := list(found), key=lambda each: _rank(each["verdict"]), reverse=True):
        kept[one["profile"], one["promise"]] = one
    order = dict.fromkeys((one["profile"], one["promise"]) for one in found)
    return [kept[key] for key in order]


def _rank(verdict: str) -> int:
    return WORST_FIRST.index(verdict) if verdict in WORST_FIRST else len(WORST_FIRST)


def _short(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M}"


class Shelf:
    """Reads the reports of one runtime folder; headings are read once.

    Args:
        runtime: The runtime folder.
    """

    def __init__(self, runtime: Path) -> None:
        self._folder = runtime / FOLDER
        self._headings: dict[str, Heading] = {}

    def newest(self) -> list[Kept]:
        """Return what is kept, newest first; files that are damaged are left out.

        Raises:
            DiskError: The folder cannot be read.
        """
        paths = {path.stem: path for path in files.listing(self._folder, "*.jsonl")} if self._folder.is_dir() else {}
        self._headings = {name: one for name, one in self._headings.items() if name in paths}
        for name in paths.keys() - self._headings.keys():
            heading = _parse(files.read_text_or_none(paths[name]) or "")[0]
            if heading is not None:
                self._headings[name] = heading
        rows = [Kept(name, one) for name, one in self._headings.items()]
        return sorted(rows, key=lambda one: (one.heading["at"], one.name), reverse=True)

    def read(self, name: str) -> tuple[Heading, object] | None:
        """Return a report; None if there is none of this name, or if it is damaged.

        Args:
            name: Its name.
        """
        if name not in {one.name for one in self.newest()}:
            return None
        heading, result = _parse(files.read_text_or_none(self._folder / f"{name}.jsonl") or "", whole=True)
        return None if heading is None or result is None else (heading, result)


def _parse(text: str, *, whole: bool = False) -> tuple[Heading | None, object]:
    first, _, second = text.partition("\n")
    try:
        heading = json.loads(first)
        if heading["version"] != VERSION or heading["kind"] not in KINDS or not isinstance(heading["at"], str):
            return None, None
        found: Heading = {
            "version": VERSION,
            "kind": heading["kind"],
            "at": heading["at"],
            "title": str(heading["title"]),
            "broken": int(heading["broken"]),
            "verdicts": [_verdict(one) for one in heading["verdicts"]],
        }
        return found, json.loads(second) if whole else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, None


def _verdict(one: Mapping[str, object]) -> Verdict:
    promise, promised = str(one["promise"]), str(one["promised"])
    return {"profile": str(one["profile"]), "promise": promise, "promised": promised, "verdict": str(one["verdict"])}
