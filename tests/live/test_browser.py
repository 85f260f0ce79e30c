"""A complete login in a real, headless browser with a click on Approve."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from tests.conftest import wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.live.conftest import Gateway

pytestmark = pytest.mark.live
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with its own profile."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium or chromedriver is not installed (Debian: chromium, chromium-driver)")
    options = Options()
    options.binary_location = CHROMIUM
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def test_an_account_of_a_browser_login_serves_requests(
    gateway: Gateway, browser: webdriver.Chrome, tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {shlex.quote(str(opened))}\n')
    script.chmod(0o700)
    gateway.workspace.variables["BROWSER"] = f"{script} %s"
    try:
        login = gateway.workspace.start("auth.login", "codex", "--open", "--poll-interval", "0.5")
        login.wait_for_message("opened in your browser: ")
        assert wait(lambda: opened.is_file() and opened.read_text())
        browser.get(opened.read_text())
        browser.find_element(By.ID, "approve").click()
        assert wait(lambda: "successful" in browser.page_source.lower()), browser.page_source
        done = login.wait_for_exit()
    finally:
        del gateway.workspace.variables["BROWSER"]
    assert done.returncode == 0, done.stderr
    (account,) = gateway.workspace.json("auth.status")["accounts"]
    assert (account["provider"], account["account"]) == ("codex", "login@example.com")
    code, text = gateway.chat(gateway.key(), model="account")
    assert code == 200
    assert re.search("answering for gpt-5.2 through login@example.com", text)
