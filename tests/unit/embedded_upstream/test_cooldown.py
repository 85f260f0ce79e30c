"""How long a credential is in cooldown."""

from __future__ import annotations

import pytest

from flowgate.embedded_upstream import go_format
from flowgate.embedded_upstream.cooldown import Cooldowns, Rotation


@pytest.mark.parametrize(
    "status, seconds", [(500, 60), (408, 60), (401, 1800), (403, 1800), (404, 43200), (429, 1), (400, 0), (0, 0)]
)
def test_each_error_has_its_cooldown(status: int, seconds: float) -> None:
    cooldowns = Cooldowns()
    assert cooldowns.fail("m", status, 100, enabled=True, newer=False) == (seconds > 0)
    assert cooldowns.seconds_left("m", 100) == seconds


def test_the_cooldown_after_429_doubles_up_to_half_an_hour() -> None:
    cooldowns = Cooldowns()
    waits = []
    for _ in range(13):
        cooldowns.fail("m", 429, 0, enabled=True, newer=False)
        waits.append(cooldowns.seconds_left("m", 0))
    assert (waits[:4], waits[-1]) == ([1, 2, 4, 8], 1800)


@pytest.mark.parametrize("newer, cooling", [(False, True), (True, False)])
def test_with_cooldowns_disabled_only_the_older_line_applies_one_after_401(newer: bool, cooling: bool) -> None:
    assert Cooldowns().fail("m", 401, 0, enabled=False, newer=newer) is cooling


def test_a_success_ends_the_cooldown_of_its_model_and_each_model_has_its_own() -> None:
    cooldowns = Cooldowns()
    cooldowns.fail("one", 500, 0, enabled=True, newer=False)
    assert (cooldowns.seconds_left("one", 0), cooldowns.seconds_left("two", 0)) == (60, 0)
    cooldowns.succeed("one")
    assert cooldowns.seconds_left("one", 0) == 0


def test_credentials_take_turns_unless_the_first_is_to_be_filled() -> None:
    rotation = Rotation()
    assert [rotation.pick("m", ["a", "b"], fill_first=False) for _ in range(3)] == ["a", "b", "a"]
    assert rotation.pick("m", ["a", "b"], fill_first=True) == "a"


def test_durations_are_formatted_as_in_go() -> None:
    assert [go_format.duration(one) for one in (1.1, 60, 1800, 43200)] == ["1s", "1m0s", "30m0s", "12h0m0s"]
