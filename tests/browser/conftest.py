"""A real Chromium, and a made-up dashboard that it opens. Screenshots go to `FLOWGATE_SCREENSHOTS`, if it is set."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from flowgate.dashboard import control
from tests.conftest import CHECKOUT, wait

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
AXE = Path(__file__).parent / "axe-core" / "axe.min.js"
SCREENSHOTS = os.environ.get("FLOWGATE_SCREENSHOTS", "")
DESKTOP, PHONE = (1280, 860), (375, 812)


@dataclass
class Page:
    """A browser with the session of a dashboard."""

    driver: webdriver.Chrome
    address: str
    folder: Path
    seen: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        """Open a page; what the browser complains about is kept."""
        self.driver.get(self.address + path)

    def complaints(self) -> list[str]:
        """Return what the console said since the last call: errors, warnings, violations of the policy."""
        return [f"{one['level']}: {one['message']}" for one in self.driver.get_log("browser")]  # type: ignore[no-untyped-call]

    def press(self, selector: str, *keys: str) -> bool:
        """Press keys on an element; return False if a change has just put another one in its place."""
        try:
            self.driver.find_element(By.CSS_SELECTOR, selector).send_keys(*keys)
        except StaleElementReferenceException:
            return False
        return True

    def run(self, script: str) -> Any:
        """Run a script in the page."""
        return self.driver.execute_script(script)

    def show(self, size: tuple[int, int], scheme: str = "light") -> None:
        """Set the size of the window, as on a device, and the colour scheme that the user prefers."""
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def find_faults(self) -> list[str]:
        """Return what axe-core calls serious or critical."""
        self.run(AXE.read_text(encoding="utf-8") + "; window.axe = axe;")
        script = "const done = arguments[0]; axe.run(document).then(found => done(found.violations));"
        found = self.driver.execute_async_script(script)
        bad = [one for one in found if one["impact"] in ("serious", "critical")]
        return [f"{one['id']}: {one['help']}: {json.dumps([n['target'] for n in one['nodes'][:3]])}" for one in bad]

    def save(self, name: str) -> None:
        """Write a picture of what is in the window, if pictures are wanted."""
        if SCREENSHOTS:
            folder = Path(SCREENSHOTS)
            folder.mkdir(parents=True, exist_ok=True)
            self.driver.save_screenshot(str(folder / f"{name}.png"))


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """A headless Chromium with its own profile; it asks nobody for anything."""
    if not (CHROMIUM and DRIVER):
        pytest.skip("chromium or chromedriver is not installed (Debian: chromium, chromium-driver)")
    options = Options()
    options.binary_location = CHROMIUM
    profile = f"--user-data-dir={tmp_path_factory.mktemp('chromium')}"
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--lang=en", profile):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a made-up dashboard that serves."""
    folder = tmp_path_factory.mktemp("demo")
    process = subprocess.Popen([sys.executable, "-m", "tests.browser.demo", str(folder)], cwd=CHECKOUT)
    try:
        assert wait(lambda: control.ask_for_link(folder), 60.0)
        yield folder
    finally:
        process.terminate()
        process.wait(60)


@pytest.fixture
def page(chromium: webdriver.Chrome, demo: Path) -> Page:
    """A desktop browser that has opened the link of the dashboard."""
    link = control.ask_for_link(demo)
    (demo / "cooled").unlink(missing_ok=True)
    opened = Page(chromium, link.partition("/open")[0], demo)
    chromium.get("about:blank")
    opened.show(DESKTOP)
    chromium.get(link)
    assert wait(lambda: "Overview" in chromium.title)
    opened.complaints()
    return opened
