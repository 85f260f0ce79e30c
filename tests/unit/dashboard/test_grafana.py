"""docs/grafana/flowgate.json names only metrics and labels that `/metrics` has, and is a file that Grafana imports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import CHECKOUT
from tests.unit.dashboard.conftest import Browser, fill
from tests.unit.dashboard.test_metrics import STATE, scrape

FILE = CHECKOUT / "docs" / "grafana" / "flowgate.json"
DASHBOARD: dict[str, Any] = json.loads(FILE.read_text())
PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]
VARIABLES = {one["name"] for one in DASHBOARD["templating"]["list"]}


def expressions() -> Iterator[tuple[str, str]]:
    """Yield every expression, and the labels' names of its legend."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


@pytest.fixture
def exported(stranger: Browser) -> dict[str, set[str]]:
    """The labels of each metric."""
    fill(stranger.sources.ledger)
    stranger.sources.state = STATE
    found: dict[str, set[str]] = {}
    for name, labels in scrape(stranger):
        found.setdefault(name, set()).update(label for label, _ in labels)
    return found


def test_each_expression_names_metrics_and_labels_that_exist(exported: dict[str, set[str]]) -> None:
    for text, legend in expressions():
        metrics = re.findall(r"flowgate_\w+", text)
        assert metrics, text
        labels = set.intersection(*(exported[name] for name in metrics))
        named = set(re.findall(r"(\w+)\s*=~?\s*\"", text)) | set(re.findall(r"\{\{(\w+)\}\}", legend))
        for group in re.findall(r"by \(([^)]*)\)", text):
            named |= set(re.split(r",\s*", group))
        assert named <= labels, (text, named - labels)


def test_each_metric_has_a_panel(exported: dict[str, set[str]]) -> None:
    shown = set(re.findall(r"flowgate_\w+", FILE.read_text()))
    histograms = {name.removesuffix("_bucket") for name in exported if name.endswith("_bucket")}
    wanted = {name for name in exported if not name.startswith(tuple(histograms))} | {f"{n}_bucket" for n in histograms}
    assert wanted - shown == set()


def test_a_legend_names_what_the_expression_leaves() -> None:
    for text, legend in expressions():
        left = {word for group in re.findall(r"by \(([^)]*)\)", text) for word in re.split(r",\s*", group)}
        if "sum" in text:
            assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= left, text
        assert text.count("(") == text.count(")")


def test_each_variable_is_declared() -> None:
    names = set(re.findall(r"\$\{?(\w+)\}?", FILE.read_text())) - {"__rate_interval", "__all"}
    assert names == VARIABLES


def test_it_has_what_the_import_needs() -> None:
    assert DASHBOARD["id"] is None
    assert DASHBOARD["uid"] == "flowgate"
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    kinds = {one["id"] for one in DASHBOARD["__requires"] if one["type"] == "panel"}
    assert kinds == {one["type"] for one in PANELS}


def test_panels_do_not_overlap() -> None:
    taken = set[tuple[int, int]]()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert max(x for x, _ in own) < 24
        assert not taken & own
        taken |= own
