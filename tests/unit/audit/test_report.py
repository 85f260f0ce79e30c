"""The HTML page and the sentences of an audit."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from flowgate.audit import report
from flowgate.audit.result import AuditResult
from tests.unit.playbook.test_html_report import Reader

NASTY = "</td><script>alert(1)</script>\"'&\x00\x1b[2J\ud800"


def result(**more: Any) -> AuditResult:
    """Return an audit of one profile that broke one promise in one outage."""
    promise = {"promise": "cooldown", "promised": "within 2 failed requests", "observed": "not within 3", "cases": 1}
    outage = {"model": "big", "deployment": "openai/big", "host": "h:1", "began": "T1", "ended": "T2", "seconds": 9.0}
    outage |= {"cause": "vendor", "obstacle": "", "errors": {"500": 3, "timeout": 1}, "failed_attempts": 4}
    outage |= {"profiles": ["cost"], "generations": [1, 2], "requests": 5, "answered": 4, "cooldowns": ["T3"]}
    outage |= {"longest_wait": 2.0, "seconds_p50": 0.5, "healthy_p50": None}
    profile = {"profile": "cost", "litellm": "1.106.2", "generations": [1, 2], "requests": 5}
    profile |= {"promises": [{**promise, "verdict": "broken", "why": "", "requests": ["r1", "r2"]}]}
    whole: dict[str, Any] = {"ledger": "/l", "enabled": True, "since": "S", "until": "U", "requests": 5, "broken": 1}
    whole |= {"dropped": 0, "killed": [], "in_progress": 0, "kept_since": None, "differences": ["real time"]}
    made: AuditResult = {**whole, "profiles": [profile], "outages": [outage], **more}  # type: ignore[typeddict-item]
    return made


def with_everywhere(tree: Any, text: str) -> Any:
    """Return a tree with another text in place of each one."""
    if isinstance(tree, dict):
        return {name: with_everywhere(one, text) for name, one in tree.items()}
    if isinstance(tree, list):
        return [with_everywhere(one, text) for one in tree]
    return text if isinstance(tree, str) else tree


GAPS = {"dropped": 3, "in_progress": 2, "kept_since": "K", "killed": [{"generation": 1, "profile": "p", "at": "A"}]}
VARIANTS: dict[str, dict[str, Any]] = {
    "broken": {},
    "nothing": {"profiles": [], "outages": [], "requests": 0, "broken": 0},
    "off": {"profiles": [], "outages": [], "enabled": False},
    "no outage": {"outages": [], "broken": 0},
    "gaps": GAPS,
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_element_of_the_page_is_closed(variant: str) -> None:
    reader = Reader(report.page(result(**VARIANTS[variant])))
    assert [one for one in reader.open if one != "br"] == []
    assert reader.elements.count("h1") == 1


def test_the_page_escapes_every_text() -> None:
    nasty = with_everywhere(result(**GAPS), NASTY)
    reader = Reader(report.page(nasty))
    assert "script" not in reader.elements
    assert reader.open == []
    assert "<script>alert(1)</script>" in "".join(reader.words)
    assert not {"\x00", "\x1b", "\ud800"} & set("".join(reader.words))


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    reader = Reader(report.page(result(**GAPS)))
    assert not {"script", "link", "img", "iframe"} & set(reader.elements)
    assert not {"src", "href", "onclick", "style"} & {name for name, _ in reader.attributes}
    assert any("default-src 'none'" in str(value) for _, value in reader.attributes)


def test_the_page_is_the_same_each_time() -> None:
    assert report.page(result()) == report.page(copy.deepcopy(result()))


@pytest.mark.parametrize(
    ("broken", "words"), [(0, "no promise is broken"), (1, "1 promise is broken"), (2, "2 promises are broken")]
)
def test_the_page_starts_with_the_verdict(broken: int, words: str) -> None:
    assert f"<h1>Audit: {words}</h1>" in report.page(result(broken=broken))


def test_the_page_names_requests_generations_and_cooldowns() -> None:
    words = " ".join(" ".join(Reader(report.page(result())).words).split())
    for one in ("r1 r2", "generations 1, 2, LiteLLM 1.106.2", "500 3, timeout 1", "4 of 5", "T3", "9.0 s"):
        assert one in words


@pytest.mark.parametrize("gap", GAPS)
def test_the_page_says_what_is_missing(gap: str) -> None:
    [said] = report.gaps(result(**{gap: GAPS[gap]}))
    assert said in " ".join(Reader(report.page(result(**{gap: GAPS[gap]}))).words)
    assert report.gaps(result()) == []


@pytest.mark.parametrize(
    ("cause", "obstacle", "said"),
    [
        ("vendor", "", "500 3, timeout 1"),
        ("service", "CLIProxyAPIPlus is down", "500 3, timeout 1: CLIProxyAPIPlus is down"),
        ("machine", "no memory left", "500 3, timeout 1: no memory left"),
    ],
)
def test_an_outage_says_who_caused_it(cause: str, obstacle: str, said: str) -> None:
    [one] = result()["outages"]
    assert report.cause({**one, "cause": cause, "obstacle": obstacle}) == said
    assert report.duration({**one, "seconds": None}) == "not over"
