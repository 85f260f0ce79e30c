"""`litellm list`, without the package index; `tests/unit/litellm_versions` tests what the index says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowgate.cli import litellm_list
from flowgate.gateway.litellm_receipt import RECEIPT, Receipt, dump
from tests.unit.cli.sessions import SessionFactory


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of the environments, with two of them and half a third one."""
    SessionFactory(tmp_path)()
    folder = tmp_path / ".router" / "runtime" / "litellm"
    for version in ("1.106.22", "1.108.77", "1.109.0"):
        (folder / version / "bin").mkdir(parents=True)
        (folder / version / "bin" / "python").touch()
        receipt = Receipt(version, "bin/python", "lib", "d", "3", {}, "l", "2026-11-26T12:00:00Z", "index", "uv", "r")
        (folder / version / RECEIPT).write_text(dump(receipt) if version != "1.109.0" else "half")
    return folder


def listed(place: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    config = place.parents[2] / "flowgate.yaml"
    assert litellm_list.list_versions(str(config), offline=True, as_json=True) == 0
    return json.loads(capsys.readouterr().out)


def test_complete_environments_are_listed_after_the_bundled_one(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = listed(place, capsys)["environments"]
    assert [row["bundled"] for row in rows] == [True, False, False]
    assert [row["version"] for row in rows[1:]] == ["1.108.77", "1.106.22"]
    assert rows[0]["in_force"] is True


def test_in_force_and_previous_are_marked(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "in-force.json").write_text('{"in_force": "1.108.77", "previous": ""}')
    rows = listed(place, capsys)["environments"]
    assert [(row["in_force"], row["previous"]) for row in rows] == [(False, True), (True, False), (False, False)]


def test_offline_the_blocked_versions_are_known_all_the_same(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(place, capsys)
    assert (found["index"]["newest"], "--offline" in found["index"]["error"]) == ("", True)
    assert {row["version"] for row in found["refused"]} == {"1.82.7", "1.82.8", "1.107.0"}


def test_a_missing_environment_that_is_in_force_is_warned_of(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "in-force.json").write_text('{"in_force": "1.109.0"}')
    litellm_list.list_versions(str(place.parents[2] / "flowgate.yaml"), offline=True, as_json=False)
    said = capsys.readouterr()
    assert "1.109.0, is missing or not complete" in said.err
    assert "in force" not in said.out


def test_a_hand_over_that_was_interrupted_is_settled_by_what_serves(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "in-force.json").write_text('{"in_force": "1.108.77", "pending": "1.106.22"}')
    rows = {row["version"]: row for row in listed(place, capsys)["environments"]}
    assert (rows["1.108.77"]["in_force"], rows["1.106.22"]["in_force"]) == (True, False)  # none serves
