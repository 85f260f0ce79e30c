"""docs/explanation/litellm-versions.md has the table of behaviours, and no other row."""

from __future__ import annotations

import re

from flowgate.gateway.litellm_behaviour import BEHAVIOURS, OBSERVED, Behaviour
from flowgate.rehearsal.scenarios import SCENARIOS
from tests.conftest import CHECKOUT

PAGE = CHECKOUT / "docs" / "explanation" / "litellm-versions.md"


def row(one: Behaviour) -> str:
    probe = f"`{one.probe}`" if one.probe else ""
    return f"| `{one.name}` | {one.since} | {one.what} | {one.answer} | {one.seen} | {probe} |"


def test_the_page_has_every_behaviour_as_the_code_has_it() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line.startswith("| `")] == [row(one) for one in BEHAVIOURS.values()]


def test_the_page_names_the_measured_versions() -> None:
    assert re.search(f"measured on LiteLLM\\s{re.escape(' and '.join(OBSERVED))}", PAGE.read_text(encoding="utf-8"))


def test_every_named_probe_is_a_scenario_of_the_rehearsal() -> None:
    assert {one.probe for one in BEHAVIOURS.values() if one.probe} <= SCENARIOS.keys()
