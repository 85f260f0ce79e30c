"""`/metrics` is text that Prometheus reads, without a session, and without secrets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowgate.dashboard.exposition import CONTENT_TYPE
from flowgate.dashboard.measures import Budget, Cooldown, Measures, Service, Worker
from tests.unit.dashboard.conftest import CANARY, Browser, fill
from tests.unit.ledger.conftest import NOW, entry, record

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
STATE = Measures(
    profile="balanced",
    services=[Service("litellm", True, 7, 12.5, 1, [Worker(7, 0, 300, 2), Worker(7, 1, 310, None)])],
    cooldowns=[
        Cooldown("cliproxyapi_plus", "a, b", "codex", 12.0),
        Cooldown("cliproxyapi_plus", "a, b", "codex", 30.0),
        Cooldown("litellm", "", "openai/a", None),
    ],
    budgets=[Budget("team", "", "daily_usd", 1.5, 10.0, False)],
    known={"services": True, "cooldowns": False, "budgets": True},
)


def scrape(browser: Browser) -> Samples:
    """Read the metrics as Prometheus does."""
    found = [one for family in text_string_to_metric_families(browser.page("/metrics")) for one in family.samples]
    samples = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in found}
    assert len(samples) == len(found)
    return samples


def value(samples: Samples, metric: str, **labels: str) -> float:
    """Return the sum of the samples that have some labels."""
    wanted = set(labels.items())
    return sum(number for (name, own), number in samples.items() if name == metric and wanted <= set(own))


def test_it_needs_no_session_and_says_what_it_is(stranger: Browser) -> None:
    answer = stranger.client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"origin": "http://evil.example"}])
def test_another_site_gets_nothing(stranger: Browser, headers: dict[str, str]) -> None:
    assert stranger.client.get("/metrics", headers=headers).status_code == 403
    assert stranger.client.post("/metrics").status_code == 403


def test_requests_tokens_and_costs_are_those_of_the_ledger(stranger: Browser) -> None:
    fill(stranger.sources.ledger)
    found = scrape(stranger)
    assert value(found, "flowgate_requests_total") == 3
    assert value(found, "flowgate_request_failures_total", client="aider", status="503") == 1
    assert value(found, "flowgate_request_fallbacks_total", model="router-default") == 1
    assert value(found, "flowgate_tokens_total", kind="completion") == 15
    assert value(found, "flowgate_cost_usd_total", billing="billed") == 0.25
    assert value(found, "flowgate_cost_usd_total", billing="worth", profile="balanced") == 0.25


def test_latencies_are_a_histogram(stranger: Browser) -> None:
    fill(stranger.sources.ledger)
    found = scrape(stranger)
    assert value(found, "flowgate_request_seconds_count") == 2
    assert value(found, "flowgate_request_seconds_sum") == pytest.approx(9.5, rel=0.05)
    bucket = "flowgate_request_seconds_bucket"
    edges = sorted({float(dict(own)["le"]) for name, own in found if name == bucket})
    counts = [value(found, bucket, le=f"{edge:g}" if edge < 1e9 else "+Inf") for edge in edges]
    assert len(edges) == 17
    assert counts == [0 if edge < 0.45 else 1 if edge < 8 else 2 for edge in edges]


def test_the_state_of_the_gateway_is_in_it(stranger: Browser) -> None:
    stranger.sources.state = STATE
    found = scrape(stranger)
    assert value(found, "flowgate_service_up", service="litellm") == 1
    assert value(found, "flowgate_service_restarts_total") == 1
    assert value(found, "flowgate_worker_memory_bytes", worker="1") == 310
    assert value(found, "flowgate_worker_requests_in_progress") == 2
    assert value(found, "flowgate_cooldowns", deployment="codex") == 2
    assert value(found, "flowgate_cooldown_seconds_left") == 30
    assert value(found, "flowgate_budget_limit", client="all") == 10
    assert value(found, "flowgate_profile_active", profile="balanced") == 1


def test_what_could_not_be_read_is_said(stranger: Browser) -> None:
    stranger.sources.state = STATE
    stranger.sources.ledger.write_bytes(b"x" * 5000)
    found = scrape(stranger)
    assert [value(found, "flowgate_collected", part=part) for part in ("services", "cooldowns", "ledger")] == [1, 0, 0]
    assert not value(found, "flowgate_requests_total")


def test_names_with_odd_characters_stay_readable(stranger: Browser) -> None:
    odd = 'a"b\\c\nd{}é'
    record(stranger.sources.ledger, entry(model=odd, client="", status=None, error="cut off"))
    found = scrape(stranger)
    assert value(found, "flowgate_requests_total", model=odd, client="none", status="none") == 1


def test_known_secrets_are_masked(stranger: Browser) -> None:
    record(stranger.sources.ledger, entry(model=CANARY))
    assert CANARY not in stranger.page("/metrics")


def test_a_scrape_counts_as_use(new_browser: Callable[..., Browser]) -> None:
    seen = list[str]()
    new_browser(lambda: seen.append("x")).client.get("/metrics")
    assert seen == ["x"]


def test_counters_grow_over_a_restart_of_the_dashboard(new_browser: Callable[..., Browser]) -> None:
    first = new_browser()
    record(first.sources.ledger, entry())
    before = value(scrape(first), "flowgate_requests_total")
    record(first.sources.ledger, entry(at=NOW + 1))
    assert value(scrape(new_browser()), "flowgate_requests_total") == before + 1
