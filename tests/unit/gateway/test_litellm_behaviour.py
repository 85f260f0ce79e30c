"""Behaviour that differs between versions of LiteLLM."""

from __future__ import annotations

import pytest

from flowgate.gateway import litellm_behaviour as behaviour


@pytest.mark.parametrize(
    ("version", "lone"),
    [
        *(("1.106.2", False), ("1.108.0", False), ("1.108.1rc1", True), ("1.108.1", True), ("1.108.7", True)),
        *(("1.109.0", True), ("1.110.2", True), ("2.0", True), ("1.9.9", False), ("", True), ("dev", True)),
    ],
)
def test_a_behaviour_holds_from_its_first_version_on(version: str, lone: bool) -> None:
    assert behaviour.holds(behaviour.LONE_COOLDOWN, version) is lone


def test_a_behaviour_ends_with_the_version_that_no_longer_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    one = behaviour.Behaviour("x", "1.1", "…", "…", behaviour.READ, until="1.3")
    monkeypatch.setitem(behaviour.BEHAVIOURS, "x", one)
    assert [behaviour.holds("x", version) for version in ("1.0", "1.1", "1.2.9", "1.3", "1.3.1")] == [
        *(False, True, True, False, False)
    ]


@pytest.mark.parametrize("one", behaviour.BEHAVIOURS.values(), ids=lambda one: one.name)
def test_every_behaviour_has_a_version_and_says_what_flowgate_does(one: behaviour.Behaviour) -> None:
    assert behaviour.number(one.since)
    assert one.what
    assert one.answer
    assert one.seen in (behaviour.MEASURED, behaviour.READ, behaviour.NOTES)
