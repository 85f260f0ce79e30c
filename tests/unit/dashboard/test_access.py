"""Nobody but the browser that opened the one-time link sees a page, and no other site can use that browser."""

from __future__ import annotations

import pytest

from flowgate.dashboard.access import HEADERS, LINK_PATH, LINK_SECONDS, MOST, Access
from flowgate.system.clock import Clock
from tests.unit.dashboard.conftest import ORIGIN, PORT, Browser

PATHS = (
    "/",
    "/live",
    "/usage",
    "/requests",
    "/requests/1",
    "/accounts",
    "/reports",
    "/reports/x",
    "/events",
    "/static/dashboard.css",
    "/nope",
)
FOREIGN_HOSTS = (
    *("evil.example", f"evil.example:{PORT}", "127.0.0.1", f"127.0.0.1:{PORT + 1}", f"127.0.0.1.evil.example:{PORT}"),
    *(f"localhost.evil.example:{PORT}", f"0.0.0.0:{PORT}", f"[::1]:{PORT}", f"192.168.0.2:{PORT}", ""),
)
FOREIGN_ORIGINS = (
    *("null", "http://evil.example", f"https://127.0.0.1:{PORT}", "http://127.0.0.1", f"http://localhost:{PORT}"),
    *(f"http://127.0.0.1:{PORT + 1}", f"http://127.0.0.1:{PORT}.evil.example", "file://", ""),
)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_session_nothing_is_shown(stranger: Browser, path: str) -> None:
    found = stranger.client.get(path)
    assert (found.status_code, found.headers["content-type"]) == (403, "text/plain; charset=utf-8")


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("path", ["/", LINK_PATH, "/static/dashboard.js"])
def test_another_name_of_this_host_is_refused(browser: Browser, host: str, path: str) -> None:
    assert browser.client.get(path, headers={"host": host}).status_code == 403


def test_a_foreign_host_does_not_use_up_the_link(stranger: Browser) -> None:
    assert stranger.client.get(stranger.link, headers={"host": "evil.example"}).status_code == 403
    stranger.open_link()


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("path", ["/", "/live", "/events"])
def test_a_request_of_another_site_is_refused(browser: Browser, origin: str, path: str) -> None:
    assert browser.client.get(path, headers={"origin": origin}).status_code == 403


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost"])
def test_both_names_of_loopback_are_served(stranger: Browser, name: str) -> None:
    link = stranger.link.replace("127.0.0.1", name)
    assert stranger.client.get(link, headers={"host": f"{name}:{PORT}"}).status_code == 200


def test_the_link_works_once(browser: Browser) -> None:
    assert browser.client.get(browser.link).status_code == 403
    assert browser.client.get("/events").status_code == 200


@pytest.mark.parametrize("token", ["", "x", "é", "\x00", "a" * 10_000])
def test_a_wrong_token_opens_nothing(stranger: Browser, token: str) -> None:
    assert stranger.client.get(LINK_PATH, params={"token": token}).status_code == 403
    stranger.open_link()


def test_looking_at_the_link_without_opening_it_does_not_use_it_up(stranger: Browser) -> None:
    stranger.client.head(stranger.link)
    stranger.open_link()


def test_a_link_that_was_used_has_no_empty_token(browser: Browser) -> None:
    browser.client.cookies.clear()
    assert browser.client.get(LINK_PATH, params={"token": ""}).status_code == 403


def test_the_cookie_is_for_this_server_and_not_for_scripts(stranger: Browser) -> None:
    cookie = stranger.client.get(stranger.link).headers["set-cookie"]
    assert cookie.startswith(f"flowgate-{PORT}=")
    assert cookie.endswith("; HttpOnly; Path=/; SameSite=strict")


@pytest.mark.parametrize("cookie", ["flowgate-4999=", "flowgate-4999=x", "other=x", "=;;,", "flowgate-4999", "é=1"])
def test_another_cookie_is_no_session(browser: Browser, cookie: str) -> None:
    browser.client.cookies.clear()
    assert browser.client.get("/", headers={b"cookie": cookie.encode()}).status_code == 403


def test_foreign_cookies_beside_ours_do_no_harm(browser: Browser) -> None:
    own = f"{browser.access.cookie_name}={browser.cookie}"
    browser.client.cookies.clear()
    assert browser.client.get("/", headers={"cookie": f'a="; {{json}}; {own}; b=,'}).status_code == 200


@pytest.mark.parametrize("headers", [{}, {"origin": ORIGIN}, {"origin": ORIGIN, "x-csrf-token": "x"}])
def test_a_change_needs_origin_and_token(browser: Browser, headers: dict[str, str]) -> None:
    assert browser.client.post("/stop", headers=headers).status_code == 403
    assert browser.stopped == []


def test_a_change_with_the_token_but_without_an_origin_is_refused(browser: Browser) -> None:
    assert browser.client.post("/stop", headers={"x-csrf-token": browser.token()}).status_code == 403


def test_the_page_can_stop_the_dashboard(browser: Browser) -> None:
    headers = {"origin": ORIGIN, "x-csrf-token": browser.token()}
    assert browser.client.post("/stop", headers=headers).status_code == 200
    assert browser.stopped == ["x"]
    assert browser.client.get("/events").status_code == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_pages_are_only_read(browser: Browser, method: str, path: str) -> None:
    assert browser.client.request(method, path).status_code == 403


@pytest.mark.parametrize("path", ["/", "/usage", "/nope", "/static/dashboard.js", LINK_PATH])
def test_every_response_forbids_framing_storing_and_foreign_content(browser: Browser, path: str) -> None:
    found = browser.client.get(path).headers
    assert {name: found[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in found["content-security-policy"]
    assert "frame-ancestors 'none'" in found["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/usage", "/requests", "/accounts", "/reports", "/events"])
def test_pages_have_no_inline_script_or_style_and_no_foreign_address(browser: Browser, path: str) -> None:
    text = browser.page(path)
    assert not any(word in text for word in ("<style", "style=", "onclick", "javascript:", "//cdn", "https://"))
    assert text.count("<script") == text.count('<script src="/static/dashboard.js"') == 1


def test_the_token_is_not_in_a_page(browser: Browser) -> None:
    assert browser.cookie not in "".join(map(browser.page, ("/", "/usage", "/requests", "/events")))


def test_a_second_link_opens_a_session_of_its_own(browser: Browser) -> None:
    first, token = browser.cookie, browser.token()
    browser.link = browser.access.new_link()
    browser.open_link()
    assert (browser.cookie, browser.token()) != (first, token)
    stolen = {"origin": ORIGIN, "x-csrf-token": token}
    assert browser.client.post("/stop", headers=stolen).status_code == 403
    browser.client.cookies.clear()
    own = {"cookie": f"{browser.access.cookie_name}={first}"}
    assert browser.client.get("/events", headers=own).status_code == 200


def test_a_link_is_of_no_use_after_ten_minutes() -> None:
    now = [0.0]
    access = Access(PORT, clock=Clock()._replace(now=lambda: now[0]))
    token = access.new_link().partition("token=")[2]
    now[0] = LINK_SECONDS
    assert access.open(token) is None


def test_only_the_last_links_and_sessions_are_kept() -> None:
    access = Access(PORT)
    tokens = [access.new_link().partition("token=")[2] for _ in range(MOST + 1)]
    opened = [access.open(token) for token in tokens]
    assert opened[0] is None
    assert None not in opened[1:]


def test_whether_it_is_alive_can_be_asked_without_a_session(stranger: Browser) -> None:
    assert stranger.client.get("/alive").text == "ok\n"
    assert stranger.client.get("/alive", headers={"host": "evil.example"}).status_code == 403
    assert stranger.client.post("/alive").status_code == 403
