"""The pages show what the ledger and the gateway say; texts of others are escaped and masked."""

from __future__ import annotations

import re

import pytest

from flowgate.dashboard.data import EventLine, ReportLine
from flowgate.ledger import database
from tests.unit.dashboard.conftest import CANARY, Browser, fill
from tests.unit.ledger.conftest import NOW, entry, record


def rows(text: str) -> int:
    """Return how many requests a page lists."""
    return len(set(re.findall(r'href="/requests/(\d+)"', text)))


def test_the_overview_shows_profile_services_cooldowns_and_spend(browser: Browser) -> None:
    fill(browser.sources.ledger)
    text = browser.page("/")
    words = ("up to 2 attempts on one model", "generation 7", "openai/a", "profile_switch", "a note", "rehearsed")
    assert [word for word in words if word not in text] == []
    assert "<li>Requests<b>3</b></li>" in text
    assert "Not billed, worth about<b>$0.2500</b>" in text


def test_an_unknown_state_is_said_and_the_rest_is_shown(browser: Browser) -> None:
    browser.sources.broken = "the config is wrong"
    text = browser.page("/")
    assert "The state is not known: the config is wrong" in text
    assert "profile_switch" in text
    assert "the config is wrong" in browser.page("/accounts")


@pytest.mark.parametrize("path", ["/", "/usage", "/requests"])
def test_a_missing_ledger_is_said(browser: Browser, path: str) -> None:
    assert "no request has been recorded yet" in browser.page(path)


@pytest.mark.parametrize("path", ["/", "/usage", "/requests"])
def test_a_damaged_ledger_is_said(browser: Browser, path: str) -> None:
    browser.sources.ledger.write_bytes(b"no ledger" * 1000)
    assert "cannot be read" in browser.page(path)


@pytest.mark.parametrize(
    "query, count",
    [
        *(("", 3), ("show=failed", 1), ("show=slow", 3), ("client=aider", 1), ("client=codex", 2), ("client=*", 3)),
        *(("model=router-default", 1), ("client=", 0), ("client=nobody", 0), ("since=1h", 3), ("since=x&show=y", 3)),
        *(("client=codex&model=router-default&show=slow", 1), ("before=x", 3), ("before=1", 0), ("before=-1", 3)),
        *(("client='--", 0), ("model=%00", 0), ("model=" + "x" * 5000, 0)),
    ],
)
def test_requests_can_be_filtered(browser: Browser, query: str, count: int) -> None:
    fill(browser.sources.ledger)
    assert rows(browser.page(f"/requests?{query}")) == count


def test_the_slowest_request_comes_first(browser: Browser) -> None:
    fill(browser.sources.ledger)
    text = browser.page("/requests?show=slow")
    assert text.index("9.00 s") < text.index("500 ms")


def test_older_requests_are_on_the_next_page(browser: Browser) -> None:
    record(browser.sources.ledger, *(entry(at=NOW + number) for number in range(60)))
    text = browser.page("/requests?client=codex")
    assert rows(text) == 50
    [older] = re.findall(r'href="/requests\?([^"]+)">Older', text)
    assert rows(browser.page(f"/requests?{older.replace('&amp;', '&')}")) == 10


def test_a_request_shows_its_attempts_on_a_timeline(browser: Browser) -> None:
    fill(browser.sources.ledger)
    [number] = re.findall(r'href="/requests/(\d+)"', browser.page("/requests?model=router-default"))
    text = browser.page(f"/requests/{number}")
    assert text.count('role="img"') == 2
    assert "began after 6.000 s" in text
    assert "not billed, worth about $0.2500" in text


@pytest.mark.parametrize(
    "path", ["/requests/1", "/requests/99999999999999999999999", "/requests/-1", "/nope", "/static/x"]
)
def test_an_unknown_path_is_a_404(browser: Browser, path: str) -> None:
    fill(browser.sources.ledger)
    assert browser.client.get(path).status_code == 404


@pytest.mark.parametrize("by", ["model", "client", "profile", "provider", "deployment", "status", "nonsense"])
@pytest.mark.parametrize("days", ["1d", "7d", "30d", "90d", "-1"])
def test_usage_is_grouped_and_drawn(browser: Browser, by: str, days: str) -> None:
    fill(browser.sources.ledger)
    text = browser.page(f"/usage?by={by}&days={days}")
    assert '<li>Requests<b>3</b></li><li>Failed<b class="bad">1</b></li>' in text
    assert text.count('class="bar" x=') >= 2


def test_lost_requests_are_said(browser: Browser) -> None:
    fill(browser.sources.ledger)
    connection = database.open_to_write(browser.sources.ledger)
    connection.execute("UPDATE runs SET dropped = 4, ending = 'killed'")
    connection.close()
    text = browser.page("/usage")
    assert "4 requests could not be recorded" in text
    assert "1 processes were killed" in text


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "{{ 7*7 }}", "\u202e", "a\x00b"]
)
def test_texts_of_others_are_escaped(browser: Browser, text: str) -> None:
    browser.sources.extra_events.append(EventLine(text, text, text, text, text, text))
    record(browser.sources.ledger, entry(at=NOW, client=text, model=text, deployment=text, error=text, request_id=text))
    [number] = re.findall(r'href="/requests/(\d+)"', listed := browser.page("/requests"))
    pages = listed + browser.page(f"/requests/{number}") + "".join(map(browser.page, ("/", "/usage", "/events")))
    assert "<script>alert" not in pages
    assert "<img" not in pages
    assert ">49<" not in pages


@pytest.mark.parametrize("path", ["/", "/usage", "/requests", "/accounts", "/reports", "/events"])
def test_known_secrets_are_on_no_page(browser: Browser, path: str) -> None:
    browser.sources.extra_events.append(EventLine("", "e", "", "", "", f"token {CANARY}"))
    record(browser.sources.ledger, entry(at=NOW, model=CANARY, client=CANARY, error=f"x {CANARY}"))
    assert CANARY not in browser.page(path)


def test_the_overview_shows_budgets_and_the_last_verdicts(browser: Browser) -> None:
    text = browser.page("/")
    words = ("everyday", "$19.00", "95 %", "then &lt;b&gt;", "attempts &lt;1&gt;", 'title="2026-01-02">broken')
    assert [word for word in words if word not in text] == []


def test_reports_are_listed_and_one_is_shown(browser: Browser) -> None:
    browser.sources.kept = [ReportLine("audit-1", "audit", "2026-01-01 00:00:00", "6 requests", 1, "1 broken")]
    assert 'href="/reports/audit-1"' in browser.page("/reports")
    text = browser.page("/reports/audit-1")
    words = ("Audit of 2026-01-01", "&lt;i&gt;attempts", 'class="bad">broken: twice', "a note on ***")
    assert [word for word in words if word not in text] == []
    assert CANARY not in text


def test_without_reports_the_commands_are_named(browser: Browser) -> None:
    assert "inv rehearse" in browser.page("/reports")


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fflowgate", "%00", "x" * 3000])
def test_a_report_that_does_not_exist_is_a_missing_page(browser: Browser, name: str) -> None:
    assert browser.client.get(f"/reports/{name}").status_code == 404


def test_the_accounts_page_has_the_limits_that_are_known(browser: Browser) -> None:
    assert "codex a@b.c: 92 % of the &lt;5h&gt; limit is used" in browser.page("/accounts")
