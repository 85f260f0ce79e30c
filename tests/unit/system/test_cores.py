"""How many cores this process may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.system.cores import quota, usable_cores


@pytest.mark.parametrize(
    ("own", "parent", "cores"),
    [
        ("max 100000", "max 100000", None),
        ("150000 100000", "max 100000", 2),
        ("max 100000", "400000 100000", 4),
        ("300000 100000", "100000 100000", 1),
        ("50000 100000", "", 1),
        ("nonsense", "", None),
    ],
)
def test_the_quota_of_a_group_and_of_its_parents_holds(
    tmp_path: Path, own: str, parent: str, cores: int | None
) -> None:
    (tmp_path / "groups" / "a" / "b").mkdir(parents=True)
    (tmp_path / "groups" / "a" / "b" / "cpu.max").write_text(own)
    (tmp_path / "groups" / "a" / "cpu.max").write_text(parent)
    (tmp_path / "own").write_text("0::/a/b\n")
    assert quota(tmp_path / "own", tmp_path / "groups") == cores


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    assert quota(tmp_path / "missing", tmp_path) is None


def test_at_least_one_core_can_be_used() -> None:
    assert usable_cores() >= 1
