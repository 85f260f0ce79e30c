from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from flowgate.errors import CheckFailed
from flowgate.playbook.html_report import page
from flowgate.playbook.report import ReportDocument
from tests.unit.playbook.reports import NASTY, data, ended

BROWSER = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), "")
MEASURE = """
const box = element => { const b = element.getBoundingClientRect(); return [b.left, b.right, b.top, b.bottom]; };
const rows = [...document.querySelectorAll('.task')].map(task => ({
  track: box(task.querySelector('.track')), bar: box(task.querySelector('.bar')),
  name: box(task.querySelector('.name')), time: box(task.querySelector('.time')),
  colour: getComputedStyle(task.querySelector('.bar')).backgroundColor }));
document.title = JSON.stringify({ rows, wide: document.documentElement.scrollWidth, room: innerWidth,
  resume: document.querySelector('#resume')?.innerText });
"""


class Reader(HTMLParser):
    """Collects the elements, their attributes and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_every_element_of_the_page_is_closed() -> None:
    reader = Reader(page(data()))
    assert reader.open == []
    assert reader.elements.count("details") == 9


def test_the_page_loads_nothing() -> None:
    text = page(data())
    reader = Reader(text)
    assert not {"script", "link", "img", "iframe"} & set(reader.elements)
    assert not {"src", "href", "srcset", "action"} & {name for name, _ in reader.attributes}
    assert "url(" not in text
    assert "@import" not in text


def test_texts_of_tasks_are_escaped() -> None:
    found = Reader(page(data()))
    shown = NASTY.replace("\x1b", "\ufffd").replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    assert shown in "".join(found.words)
    assert "b" not in found.elements


def test_a_failure_shows_the_location_the_error_the_log_and_the_resume_command() -> None:
    message = "".join(Reader(page(data())).words)
    for words in ("play.yml:3:5", "it did not come up", "config.yaml:7", "first\nlast", "inv up", "--start-at-task"):
        assert words in message


@pytest.mark.parametrize("code, verdict", [(0, "Done"), (1, "Failed"), (130, "Interrupted")])
def test_the_title_states_the_result(code: int, verdict: str) -> None:
    document = data(error=None)
    document["code"] = code
    text = page(document)
    assert f"<title>{verdict}: books/nightly.yml</title>" in text


def test_a_run_without_tasks_has_a_page() -> None:
    document = data(ended("x", "unchanged"), error=None)
    document["tasks"], document["seconds"] = [], 0.0
    text = page(document)
    assert "No task ran." in text


def look(tmp_path: Path, document: ReportDocument, width: int) -> dict[str, Any]:
    """Open a page in a real browser and measure it there."""
    if not BROWSER:
        pytest.skip("no chromium here")
    file = tmp_path / "page.html"
    text = re.sub(r"<meta http-equiv=.*?>", "", page(document))  # remove the policy that forbids scripts
    file.write_text(text.replace("</body>", f"<script>{MEASURE}</script></body>"), encoding="utf-8")
    argv = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    argv += [f"--window-size={width},900", "--dump-dom", file.as_uri()]
    shown = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout
    title = re.search(r"<title>(.*?)</title>", shown, re.DOTALL)
    assert title
    found: dict[str, Any] = json.loads(title[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
    return found


@pytest.mark.parametrize("width", [1200, 500])
def test_a_browser_places_the_bars_on_the_timeline(tmp_path: Path, width: int) -> None:
    seen = look(tmp_path, data(), width)
    assert seen["wide"] <= seen["room"]
    for row, task in zip(seen["rows"], data()["tasks"], strict=True):
        left, right, *_ = row["track"]
        scale = (right - left) / 10
        assert row["bar"][0] == pytest.approx(left + task["began"] * scale, abs=1)
        assert row["bar"][1] - row["bar"][0] == pytest.approx(max(0.04, task["seconds"]) * scale, abs=1)
        assert row["time"][2] < row["name"][3]  # beside the name, on a narrow screen too
    assert len({row["colour"] for row in seen["rows"]}) == 6
    assert seen["resume"] == "inv play books/nightly.yml --start-at-task Refused"


def test_a_browser_wraps_long_words(tmp_path: Path) -> None:
    error = CheckFailed("x" * 3000, log=["y" * 3000])
    seen = look(tmp_path, data(ended("z" * 3000, "failed", error), error=error), 500)
    assert seen["wide"] <= seen["room"]
