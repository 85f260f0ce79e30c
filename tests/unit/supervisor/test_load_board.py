"""The numbers of connections that workers share."""

from __future__ import annotations

from pathlib import Path

from flowgate.supervisor.load_board import NOT_SERVING, LoadBoard


class Time:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_worker_sees_the_fewest_connections_of_the_others(tmp_path: Path) -> None:
    one, two, three = (LoadBoard(tmp_path / "load", index) for index in (1, 2, 3))
    assert one.fewest() is None
    one.write(9)
    two.write(4)
    three.write(7)
    assert (one.fewest(), two.fewest(), three.fewest()) == (4, 7, 4)


def test_a_worker_that_accepts_nothing_is_not_counted(tmp_path: Path) -> None:
    one, two = LoadBoard(tmp_path / "load", 1), LoadBoard(tmp_path / "load", 2)
    two.write(0)
    two.write(NOT_SERVING)
    assert one.fewest() is None


def test_a_worker_that_is_stuck_is_not_waited_for(tmp_path: Path) -> None:
    now = Time()
    one, two = (LoadBoard(tmp_path / "load", index, now) for index in (1, 2))
    two.write(0)
    now.now += 2.0
    assert one.fewest() is None


def test_the_index_of_a_replaced_worker_may_be_any_number(tmp_path: Path) -> None:
    LoadBoard(tmp_path / "load", 1000).write(3)
    assert LoadBoard(tmp_path / "load", 7).fewest() == 3
