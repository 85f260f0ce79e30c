"""The pages: each reads what it shows, and is rendered on this server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlencode

from flowgate.dashboard import charts, figures
from flowgate.dashboard.acts import Act
from flowgate.dashboard.charts import Value
from flowgate.dashboard.data import Sources
from flowgate.dashboard.rendering import Renderer, count, usd
from flowgate.errors import FlowGateError
from flowgate.ledger import database, history, selection
from flowgate.ledger.selection import Selection, TooSlow
from flowgate.ledger.usage import losses
from flowgate.system.clock import Clock

SPANS = {"1h": 3_600, "24h": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400, "90d": 90 * 86_400}
USAGE_DAYS = {"1d": 1, "7d": 7, "30d": 30, "90d": 90}
GROUPINGS = ("model", "client", "profile", "provider", "deployment", "status")
PER_PAGE = 50
EVENTS = 200
OVERVIEW_EVENTS = 8
PATIENCE_SECONDS = 3.0
LARGEST_ID = 2**63 - 1
Query = Mapping[str, str]


class Pages:
    """The pages of the dashboard.

    Args:
        sources: Where the data comes from.
        clock: The time.
    """

    def __init__(self, sources: Sources, clock: Clock) -> None:
        self._sources, self._clock = sources, clock
        self.render = Renderer(sources.mask)

    def overview(self, csrf: str) -> str:
        """Return the overview."""
        return self._page("overview.html", csrf, "overview", part=self.overview_part())

    def overview_part(self) -> str:
        """Return the part of the overview that is refreshed."""
        from markupsafe import Markup

        try:
            state, problem = self._sources.overview(), ""
        except FlowGateError as error:
            state, problem = None, error.what
        with self._ledger() as (ledger, trouble):
            rows = figures.collect(ledger, figures.today(self._now()), "day") if ledger else []
            span = figures.last_hours(self._now(), 24)
            hours = figures.collect(ledger, span, "hour") if ledger else []
        asked = charts.draw(_asked(figures.without_gaps(hours, span, "hour")), count)
        events = self._sources.events(OVERVIEW_EVENTS)
        shown = {"state": state, "problem": problem, "trouble": trouble, "events": events, "asked": asked}
        return Markup(self.render.page("overview_part.html", today=figures.total(rows), **shown))  # noqa: S704 - a rendered template

    def usage(self, csrf: str, query: Query) -> str:
        """Return figures and charts of a span."""
        days, by = _choice(query, "days", USAGE_DAYS, "7d"), _choice(query, "by", GROUPINGS, "model")
        span = figures.days(self._now(), USAGE_DAYS[days])
        unit = "hour" if days == "1d" else "day"
        rows, per_time, lost = [], [], None
        with self._ledger() as (ledger, trouble):
            if ledger:
                rows, per_time = figures.collect(ledger, span, by), figures.collect(ledger, span, unit)
                lost = losses(ledger, span)
        every = figures.without_gaps(per_time, span, unit)
        shown = {"asked": charts.draw(_asked(every), count), "costs": charts.draw(_costs(every), usd)}
        choices = {"days": days, "by": by, "groupings": GROUPINGS}
        sums = {"rows": rows, "per_time": per_time, "total": figures.total(rows)}
        return self._page("usage.html", csrf, "usage", lost=lost, trouble=trouble, **sums, **shown, **choices)

    def requests(self, csrf: str, query: Query) -> str:
        """Return a list of requests."""
        since = _choice(query, "since", SPANS, "24h")
        kind = _choice(query, "show", ("all", "failed", "slow"), "all")
        client, model = query.get("client", "*"), query.get("model", "")
        start = self._now() - SPANS[since]
        wanted = Selection(start, kind == "failed", kind == "slow", None if client == "*" else client, model)
        wanted = wanted._replace(before=_number(query.get("before", "")), most=PER_PAGE + 1)
        found, clients, models = [], [], []
        with self._ledger() as (ledger, trouble):
            if ledger:
                clients, models = (selection.names(ledger, name, start) for name in ("client", "model"))
                try:
                    with selection.give_up_after(ledger, PATIENCE_SECONDS):
                        found = selection.select(ledger, wanted)
                except TooSlow:
                    trouble = "this search takes too long; choose a shorter span"
        choices = {"since": since, "show": kind, "client": client, "model": model}
        older = urlencode({**choices, "before": found[PER_PAGE - 1].entry.request.id}) if len(found) > PER_PAGE else ""
        shown = {"rows": found[:PER_PAGE], "older": "" if kind == "slow" else older, "trouble": trouble}
        names = {"clients": clients, "models": models}
        return self._page("requests.html", csrf, "requests", **shown, **names, **choices)

    def request(self, csrf: str, number: int) -> str | None:
        """Return a request with its attempts; None if the ledger does not hold it."""
        with self._ledger() as (ledger, _):
            past = history.find_one(ledger, number) if ledger else None
        if past is None:
            return None
        whole, lanes = charts.timeline(past)
        shown = {"past": past, "one": past.entry.request, "whole": whole, "lanes": lanes}
        return self._page("request.html", csrf, "requests", **shown)

    def accounts(self, csrf: str) -> str:
        """Return the accounts."""
        try:
            found, problem = self._sources.accounts(), ""
        except FlowGateError as error:
            found, problem = None, error.what
        return self._page("accounts.html", csrf, "accounts", accounts=found, problem=problem)

    def reports(self, csrf: str) -> str:
        """Return the list of reports."""
        return self._page("reports.html", csrf, "reports", reports=self._sources.reports())

    def report(self, csrf: str, name: str) -> str | None:
        """Return a report; None if there is none of this name."""
        found = self._sources.report(name)
        return None if found is None else self._page("report.html", csrf, "reports", report=found)

    def events(self, csrf: str) -> str:
        """Return the last events."""
        return self._page("events.html", csrf, "events", events=self._sources.events(EVENTS))

    def act(self, csrf: str, name: str, query: Query, last: Act | None) -> str:
        """Return the page of an act: what it would do, and the output of the one that runs or ran last.

        Raises:
            UsageError: There is no such act, or it cannot be done.
        """
        value = query.get("value", "")
        shown = self._sources.preview(name, value)
        return self._page("act.html", csrf, "overview", act=name, value=value, shown=shown, last=last)

    def missing(self, csrf: str) -> str:
        """Return the page that says that there is no such page."""
        return self._page("missing.html", csrf, "")

    def _page(self, template: str, csrf: str, current: str, **values: object) -> str:
        return self.render.page(template, csrf=csrf, current=current, **values)

    def _now(self) -> float:
        return self._clock.wall().timestamp()

    @contextmanager
    def _ledger(self) -> Iterator[tuple[sqlite3.Connection | None, str]]:
        """Open the ledger for one page; None, and why, if it cannot be read."""
        path = self._sources.ledger
        try:
            connection = database.open_to_read(path)
        except FlowGateError as error:
            yield None, error.what
            return
        if connection is None:
            yield None, "no request has been recorded yet"
            return
        try:
            with database.translate_errors(path):
                yield connection, ""
        finally:
            connection.close()


def _choice(query: Query, name: str, known: Mapping[str, int] | tuple[str, ...], default: str) -> str:
    """Return what a query chooses; the default for anything unknown. The page shows what is in force."""
    found = query.get(name, default)
    return found if found in known else default


def _number(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if number <= LARGEST_ID else 0


def _asked(rows: list[figures.Figures]) -> list[Value]:
    return [
        Value(one.name[5:], one.requests, one.failures, f"{one.name}: {one.requests} requests, {one.failures} failed")
        for one in rows
    ]


def _costs(rows: list[figures.Figures]) -> list[Value]:
    return [Value(one.name[5:], one.billed + one.worth, one.worth, _cost(one)) for one in rows]


def _cost(one: figures.Figures) -> str:
    return f"{one.name}: {usd(one.billed)} billed, {usd(one.worth)} not billed"
