"""How long a credential sits out."""

from __future__ import annotations

import pytest

from flowgate.embedded_upstream.cooldown import Benches, Rota, go_duration


@pytest.mark.parametrize(
    "status, seconds", [(500, 60), (408, 60), (401, 1800), (403, 1800), (404, 43200), (429, 1), (400, 0), (0, 0)]
)
def test_each_refusal_has_its_time(status: int, seconds: float) -> None:
    benches = Benches()
    assert benches.fail("m", status, 100, cooling=True, newer=False) == (seconds > 0)
    assert benches.left("m", 100) == seconds


def test_cooling_down_doubles_up_to_half_an_hour() -> None:
    benches = Benches()
    waits = []
    for _ in range(13):
        benches.fail("m", 429, 0, cooling=True, newer=False)
        waits.append(benches.left("m", 0))
    assert (waits[:4], waits[-1]) == ([1, 2, 4, 8], 1800)


@pytest.mark.parametrize("newer, benched", [(False, True), (True, False)])
def test_without_cooling_only_the_older_line_benches_for_a_refused_key(newer: bool, benched: bool) -> None:
    assert Benches().fail("m", 401, 0, cooling=False, newer=newer) is benched


def test_success_forgets_and_models_sit_out_one_by_one() -> None:
    benches = Benches()
    benches.fail("one", 500, 0, cooling=True, newer=False)
    assert (benches.left("one", 0), benches.left("two", 0)) == (60, 0)
    benches.succeed("one")
    assert benches.left("one", 0) == 0


def test_turns_are_taken_unless_the_first_is_to_be_filled() -> None:
    rota = Rota()
    assert [rota.pick("m", ["a", "b"], fill_first=False) for _ in range(3)] == ["a", "b", "a"]
    assert rota.pick("m", ["a", "b"], fill_first=True) == "a"


def test_durations_read_as_in_go() -> None:
    assert [go_duration(one) for one in (1.1, 60, 1800, 43200)] == ["1s", "1m0s", "30m0s", "12h0m0s"]
