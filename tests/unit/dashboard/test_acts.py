"""The acts of the page: shown first, carried out once at a time, and only for the session's own page."""

from __future__ import annotations

import json

import pytest
from starlette.testclient import TestClient

from tests.unit.dashboard.conftest import CANARY, ORIGIN, Browser

SWITCH = "/acts/switch?value=cost"


def headers(browser: Browser) -> dict[str, str]:
    """Return the headers that the page's script sends."""
    return {"origin": ORIGIN, "x-csrf-token": browser.token()}


def progress(browser: Browser) -> tuple[list[str], int | None]:
    """Follow the act to its end; return its output and exit code."""
    lines: list[str] = []
    for event in browser.client.get("/acts/live").text.split("\n\n")[:-1]:
        found = json.loads(event.removeprefix("data: "))
        lines += found["lines"]
    return lines, found["code"]


def test_an_act_is_shown_before_it_is_carried_out(browser: Browser) -> None:
    text = browser.page(SWITCH)
    words = ("it is tested", "no longer: gone", "new: come", '<span class="old">-a: 1</span>', "inv switch cost")
    assert [word for word in words if word not in text] == []
    assert browser.sources.ran == []


@pytest.mark.parametrize("code", [0, 1, 3, -9])
def test_an_act_reports_its_output_without_secrets_and_its_end(browser: Browser, code: int) -> None:
    browser.sources.code = code
    browser.sources.may_end.set()
    with browser.client:
        assert browser.client.post(SWITCH, headers=headers(browser)).status_code == 202
        assert progress(browser) == (["began with ***", "ended"], code)
    assert browser.sources.ran == [["switch", "cost"]]
    assert CANARY not in browser.page(SWITCH)


def test_a_second_act_waits_for_the_end_of_the_first(browser: Browser) -> None:
    with browser.client:
        assert browser.client.post(SWITCH, headers=headers(browser)).status_code == 202
        assert "disabled" in browser.page(SWITCH)
        assert browser.client.post("/acts/clear?value=m", headers=headers(browser)).status_code == 409
        browser.sources.may_end.set()
        progress(browser)
        assert browser.client.post("/acts/clear?value=m", headers=headers(browser)).status_code == 202
        progress(browser)
    assert browser.sources.ran == [["switch", "cost"], ["clear", "m"]]


@pytest.mark.parametrize(
    "path", ["/acts/switch", "/acts/switch?value=nope", "/acts/rm?value=x", "/acts/-?value=--help"]
)
def test_an_unknown_act_is_refused(browser: Browser, path: str) -> None:
    assert browser.client.get(path).status_code == 404
    assert browser.client.post(path, headers=headers(browser)).status_code == 400
    assert browser.sources.ran == []


@pytest.mark.parametrize(
    "changed",
    [
        {"origin": ""},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"x-csrf-token": ""},
        {"x-csrf-token": "é"},
    ],
)
def test_another_site_cannot_act(browser: Browser, changed: dict[str, str]) -> None:
    sent = {name: text.encode() for name, text in {**headers(browser), **changed}.items() if text}
    assert browser.client.post(SWITCH, headers=sent).status_code == 403  # type: ignore[arg-type]
    assert browser.sources.ran == []


def test_a_form_cannot_act(browser: Browser) -> None:
    form = {"x-csrf-token": browser.token(), "csrf": browser.token()}
    assert browser.client.post(SWITCH, data=form, headers={"origin": ORIGIN}).status_code == 403


def test_a_stranger_can_neither_act_nor_watch(browser: Browser) -> None:
    sent = headers(browser)
    browser.client.cookies.clear()
    assert browser.client.post(SWITCH, headers=sent).status_code == 403
    assert browser.client.get("/acts/live").status_code == 403
    assert browser.sources.ran == []


def test_without_an_act_there_is_nothing_to_follow(browser: Browser) -> None:
    assert isinstance(browser.client, TestClient)
    assert browser.client.get("/acts/live").status_code == 404
