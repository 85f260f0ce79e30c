"""A snapshot of the gateway as lines of a terminal: what matters most comes first, and stays if there is no room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from flowgate.cli.columns import duration, lay_out
from flowgate.cli.escapes import escaped
from flowgate.cli.generation_reports import generation_lines, silences
from flowgate.cli.service_reports import cells
from flowgate.cli.usage_table import short_count, shown_cost, shown_time
from flowgate.domain.budgets import REQUESTS_PER_DAY

if TYPE_CHECKING:
    from rich.console import OverflowMethod

    from flowgate.cli.budgets import LimitReport
    from flowgate.cli.cooldowns import Row
    from flowgate.cli.service_reports import ServiceReport
    from flowgate.cli.top_data import Snapshot
    from flowgate.ledger.rates import Rate

PLAIN, BOLD, DIM, GOOD, WARN, BAD = "", "bold", "dim", "green", "yellow", "red"
STATES = {"serving": GOOD, "stopped": DIM, "draining": WARN, "starting": WARN, "ready": WARN, "stopping": WARN}
LIMIT_STATES = {"ok": PLAIN, "warned": WARN, "exhausted": BAD, "overruled": WARN}
BLOCKS, ASCII_BLOCKS = "▁▂▃▄▅▆▇█", "_.-=+*##"
HEAD = ["service", "state", "pid", "uptime", "memory", "generation", "restarts"]
FEW = 3  # cooldowns and events that stay while the others give way


class Line(NamedTuple):
    """One line, in one style."""

    text: str
    style: str = PLAIN


class Section(NamedTuple):
    """Lines that belong together.

    Attributes:
        lines: The lines.
        least: How many stay, at least, if there is no room for all.
    """

    lines: list[Line]
    least: int


def lines_of(shown: Snapshot, width: int | None, height: int | None, blocks: str = BLOCKS) -> list[Line]:
    """Return a snapshot as lines.

    Args:
        shown: The snapshot.
        width: Characters of a line; None for any number.
        height: How many lines at most; None for any number.
        blocks: Eight characters of growing height.
    """
    sections = [
        Section(list(_head(shown)), 1),
        Section([Line(text, BAD) for one in shown.problems for text in lay_out([[f"! {one}"]], width)], 3),
        Section(list(_requests(shown, blocks)), 3),
        Section([_limit(one) for one in shown.limits], 2),
        Section(list(_services(shown.services, width)), 1 + len(shown.services)),
        Section(list(_cooldowns(shown)), 1 + FEW),
        Section(list(_events(shown.events)), 1 + FEW),
    ]
    return _fit(sections, height)


def _fit(sections: Sequence[Section], height: int | None) -> list[Line]:
    """Cut sections, the last ones first, until they fit; then cut the end."""
    counts = [len(one.lines) for one in sections]
    if height is None or sum(counts) <= height:
        return [line for one in sections for line in one.lines]
    for place in reversed(range(len(sections))):
        spare = max(0, counts[place] - sections[place].least)
        counts[place] -= min(spare, max(0, sum(counts) - height))
    found = [line for one, count in zip(sections, counts, strict=True) for line in _cut(one.lines, count)]
    return found[:height]


def _cut(lines: list[Line], count: int) -> list[Line]:
    if len(lines) <= count or count < 2:
        return lines[:count]
    return [*lines[: count - 1], Line(f"  … {len(lines) - count + 1} more", DIM)]


def _head(shown: Snapshot) -> Iterator[Line]:
    profile = shown.profile
    named = f"profile {profile['name']} ({profile['by']})" if profile else "profile not known"
    yield Line(f"FlowGate  {shown.at:%H:%M:%S} UTC  {named}", BOLD)
    since = f"; profile since {_time(shown.since)}" if shown.since else ""
    yield Line(shown.config + since, DIM)


def _requests(shown: Snapshot, blocks: str) -> Iterator[Line]:
    rate, today = shown.rate, shown.today
    if rate is None or today is None:
        yield Line("requests  none is recorded yet")
        return
    under_way = sum(one["under_way"] or 0 for each in shown.services.values() for one in each["generations"])
    times = f"p50 {shown_time(rate.middle)}  p95 {shown_time(rate.late)}"
    yield Line(f"requests  {rate.per_second:.1f}/s  {times}  in progress {under_way}  {_bars(rate, blocks)}", BOLD)
    failed = f"{rate.failures} of {rate.requests} in the last {rate.seconds:.0f} s"
    yield Line(f"failed    {failed}", BAD if rate.failures else PLAIN)
    counts = f"{short_count(today.requests)} requests, {today.failures} failed"
    spent = f"{shown_cost(today.billed, today.worth)}, {short_count(today.tokens)} tokens"
    yield Line(f"today     {counts}, {spent}")


def _bars(rate: Rate, blocks: str) -> str:
    most = max(rate.slices) or 1
    return "".join(blocks[round((len(blocks) - 1) * one / most)] for one in rate.slices)


def _limit(one: LimitReport) -> Line:
    amounts = [f"{x:.0f}" if one["limit"] == REQUESTS_PER_DAY else f"${x:.2f}" for x in (one["spent"], one["amount"])]
    whose = f" of {one['client']}" if one["client"] else ""
    text = f"budget    {one['budget']}{whose}: {amounts[0]} of {amounts[1]} ({one['percent']:.0f} %) {one['limit']}"
    state = "" if one["state"] == "ok" else f": {one['state']}, then {one['then']}"
    return Line(text + state, LIMIT_STATES[one["state"]])


def _services(services: Mapping[str, ServiceReport], width: int | None) -> Iterator[Line]:
    if not services:
        return
    head, *rows = _table(services, width)
    yield Line(head, BOLD)
    for row, (name, one) in zip(rows, services.items(), strict=True):
        yield Line(row, STATES.get(one["state"], BAD))
        yield from (Line(f"  {text}") for text in generation_lines(name, one["generations"]))
        for generation in one["generations"]:
            for pid, silent in silences(generation):
                if silent:
                    yield Line(f"  {name} generation {generation['number']} (process {pid}) {silent}", BAD)
        if one["failure"]:
            yield Line(f"  {name}: {one['failure']}", BAD)


def _table(services: Mapping[str, ServiceReport], width: int | None) -> list[str]:
    """Return a heading and a line for each service; columns that do not fit are left out, the last ones first."""
    rows = [HEAD, *(cells(name, one) for name, one in services.items())]
    for columns in range(len(HEAD), 2, -1):
        found = lay_out([row[:columns] for row in rows], None)
        if width is None or max(map(len, found)) <= width:
            return found
    return lay_out([row[:2] for row in rows], None)


def _cooldowns(shown: Snapshot) -> Iterator[Line]:
    rows = shown.cooldowns.rows
    if not rows:
        is_known = len(shown.cooldowns.unavailable) < len(shown.services)
        yield Line("no cooldowns" if is_known else "cooldowns: not known", DIM)
        return
    yield Line(f"cooldowns: {len(rows)}", BOLD)
    for row in rows:
        why = f"  {row['why']}" if row["why"] else ""
        names = ", ".join(row["models"]) or row["deployment"]
        yield Line(f"  {_left(row, shown.at):>7}  {names}  by {row['by']}{why}", WARN)


def _left(row: Row, now: datetime) -> str:
    if not row["until"]:
        return "?"
    return duration(max(0.0, (datetime.fromisoformat(row["until"]) - now).total_seconds()))


def _events(events: Sequence[Mapping[str, str]]) -> Iterator[Line]:
    if not events:
        yield Line("no events", DIM)
        return
    yield Line("last events", BOLD)
    for one in events:
        parts = [_time(one.get("timestamp", "")), one.get("event", ""), one.get("result", "")]
        parts += [one.get(key, "") for key in ("service", "profile", "provider", "detail")]
        yield Line("  " + " ".join(filter(None, parts)), BAD if one.get("result") == "failed" else PLAIN)


def _time(stamp: str) -> str:
    return stamp.partition("T")[2].partition(".")[0].rstrip("Z") or stamp


class Painter:
    """Turns lines into what is written to a terminal or a pipe.

    Args:
        colour: Use colours.
        mask: Returns a text without known secrets.
        encoding: What the output understands.
    """

    def __init__(self, *, colour: bool, mask: Callable[[str], str], encoding: str) -> None:
        from rich.color import ColorSystem
        from rich.style import Style

        self._mask, self._encoding, self._style = mask, encoding, Style.parse
        self._system = ColorSystem.STANDARD if colour else None
        self._overflow: OverflowMethod = "ellipsis" if self.can_show("…") else "crop"

    def can_show(self, text: str) -> bool:
        """Return whether the output has these characters."""
        try:
            return bool(text.encode(self._encoding))
        except (UnicodeError, LookupError):
            return False

    def paint(self, lines: Sequence[Line], width: int | None) -> list[str]:
        """Return lines masked, without control characters, cut at the width, with colours.

        Args:
            lines: The lines.
            width: Columns of the terminal; None for any number.
        """
        return [self._paint(line, width) for line in lines]

    def _paint(self, line: Line, width: int | None) -> str:
        from rich.text import Text

        safe = " ".join(escaped(self._mask(line.text)).splitlines()).expandtabs(1)
        text = Text(safe if self.can_show(safe) else ascii(safe)[1:-1])
        if width is not None:
            text.truncate(width, overflow=self._overflow)
        return self._style(line.style).render(text.plain, color_system=self._system)
