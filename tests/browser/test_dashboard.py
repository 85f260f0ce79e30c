"""The dashboard in a real Chromium: every page, for everyone, on every screen."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.browser.conftest import DESKTOP, PHONE, Page
from tests.conftest import wait

pytestmark = pytest.mark.browser
PAGES = {
    "overview": "/",
    "requests": "/requests",
    "requests-failed": "/requests?show=failed&since=7d",
    "request": "",
    "usage": "/usage?days=30d",
    "usage-by-client": "/usage?days=7d&by=client",
    "switch": "/acts/switch?value=cost",
    "accounts": "/accounts",
    "reports": "/reports",
    "report": "/reports/audit-2",
    "events": "/events",
    "missing": "/nothing",
}
SIZES = {"desktop": DESKTOP, "phone": PHONE}
PAINTED = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
FIRST_PAINT_MS = 500


def open_page(page: Page, name: str) -> None:
    """Open a page by its name."""
    if name == "request":
        page.open("/requests?show=slow&since=7d&model=router-default")
        page.driver.find_element(By.XPATH, "//tr[td[@data-name='Fallbacks'][text()!='0']]//a").click()
    else:
        page.open(PAGES[name])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_clean_and_accessible(page: Page, name: str, size: str, scheme: str) -> None:
    page.show(SIZES[size], scheme)
    open_page(page, name)
    complaints = [one for one in page.complaints() if not (name == "missing" and "404" in one)]
    page.save(f"{name}-{size}-{scheme}")
    assert complaints == []
    assert page.run("return document.documentElement.scrollWidth") <= SIZES[size][0]
    assert page.find_faults() == []


def test_the_background_follows_the_preferred_scheme(page: Page) -> None:
    shown = {}
    for scheme in ("light", "dark"):
        page.show(DESKTOP, scheme)
        page.open("/")
        shown[scheme] = page.run("return getComputedStyle(document.body).backgroundColor")
    brightness = {scheme: sum(map(int, text[4:-1].split(", "))) for scheme, text in shown.items()}
    assert brightness["dark"] < 200 < 600 < brightness["light"]


@pytest.mark.parametrize("name", ["overview", "requests", "usage"])
def test_the_first_paint_is_quick(page: Page, name: str) -> None:
    taken = []
    for _ in range(3):
        page.open(PAGES[name])
        assert wait(lambda: page.run(PAINTED))
        taken.append(page.run(PAINTED))
    assert min(taken) <= FIRST_PAINT_MS


def test_a_change_arrives_without_a_reload(page: Page) -> None:
    page.open("/")
    assert wait(lambda: page.driver.find_element(By.ID, "live-state").text == "Live")
    page.run("window.stayed = true")
    (page.folder / "cooled").touch()
    assert wait(lambda: "529 overloaded" in page.driver.find_element(By.ID, "live").text)
    page.save("overview-cooldown-desktop-light")
    assert page.run("return window.stayed") is True
    assert page.complaints() == []


def test_an_act_shows_its_progress_while_it_runs(page: Page) -> None:
    page.open(PAGES["switch"])
    (page.folder / "slow").touch()
    page.driver.find_element(By.ID, "act").send_keys(Keys.ENTER)
    assert wait(lambda: "Find the active profile" in page.driver.find_element(By.ID, "log").text)
    assert page.driver.find_element(By.ID, "progress-state").text == "Running"
    assert not page.driver.find_element(By.ID, "act").is_enabled()
    (page.folder / "slow").unlink()
    assert wait(lambda: page.driver.find_element(By.ID, "progress-state").text == "Done")
    assert "Activate cost" in page.driver.find_element(By.ID, "log").text
    page.save("switch-done-desktop-light")
    assert (page.find_faults(), page.complaints()) == ([], [])


def test_a_failed_act_says_so(page: Page) -> None:
    page.open("/acts/rehearse?value=reliability")
    page.driver.find_element(By.ID, "act").click()
    assert wait(lambda: page.driver.find_element(By.ID, "progress-state").text == "Failed with exit code 1")


def test_what_is_open_and_focused_stays_so_when_a_change_arrives(page: Page) -> None:
    page.open("/")
    assert wait(lambda: page.driver.find_element(By.ID, "live-state").text == "Live")
    assert wait(lambda: page.press("#live summary", Keys.ENTER))
    (page.folder / "cooled").touch()
    assert wait(lambda: "529 overloaded" in page.driver.find_element(By.ID, "live").text)
    assert page.run("return document.querySelector('#live details').open") is True
    assert page.run("return document.activeElement.tagName") == "SUMMARY"


def test_every_page_is_reached_with_the_keyboard_alone(page: Page) -> None:
    page.open("/")
    reached = []
    for number in range(6):
        keys = [Keys.TAB] * (number + 2) + [Keys.ENTER]
        page.driver.find_element(By.TAG_NAME, "body").send_keys(*keys)
        assert wait(lambda: page.run("return document.readyState") == "complete")
        reached.append(page.driver.current_url.removeprefix(page.address))
        page.open("/")
    assert reached == ["/", "/requests", "/usage", "/accounts", "/reports", "/events"]


def test_what_has_the_focus_is_visible(page: Page) -> None:
    page.open("/requests")
    seen = set()
    for _ in range(14):
        page.driver.switch_to.active_element.send_keys(Keys.TAB)
        style = "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]"
        assert page.run(style) == ["solid", "2px"], page.run("return document.activeElement.outerHTML.slice(0, 200)")
        seen.add(page.run("return document.activeElement.tagName"))
    assert {"A", "BUTTON", "SELECT"} <= seen


def test_the_first_key_leads_past_the_navigation(page: Page) -> None:
    page.open("/usage")
    page.driver.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB, Keys.ENTER)
    assert page.run("return document.activeElement.id") == "main"


def test_nothing_is_asked_of_another_host(page: Page) -> None:
    for path in PAGES.values():
        page.open(path or "/")
        names = page.run("return performance.getEntriesByType('resource').map(one => new URL(one.name).origin)")
        assert set(names) <= {page.address}


def test_an_inline_script_does_not_run(page: Page) -> None:
    page.open("/")
    page.run("const s = document.createElement('script'); s.textContent = 'window.ran = 1'; document.body.append(s)")
    assert page.run("return window.ran ?? null") is None
    assert any("Content Security Policy" in one for one in page.complaints())
