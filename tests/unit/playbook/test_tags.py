from __future__ import annotations

import pytest

from flowgate.playbook.tags import selected


@pytest.mark.parametrize(
    "own, only, skip, runs",
    [
        ("", "all", "", True),
        ("a", "all", "", True),
        ("a", "a", "", True),
        ("a", "b", "", False),
        ("", "b", "", False),
        ("always", "b", "", True),
        ("never", "all", "", False),
        ("never a", "a", "", True),
        ("never", "never", "", True),
        ("a", "tagged", "", True),
        ("", "tagged", "", False),
        ("", "untagged", "", True),
        ("a", "untagged", "", False),
        ("a b", "all", "b", False),
        ("always", "all", "always", False),
        ("always", "all", "all", True),
        ("a", "all", "all", False),
        ("a", "all", "tagged", False),
        ("", "all", "tagged", True),
    ],
)
def test_tags_select_tasks_as_in_ansible(own: str, only: str, skip: str, runs: bool) -> None:
    assert selected(own.split(), only.split(), skip.split()) is runs
