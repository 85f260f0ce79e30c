"""`profile set`: what budgets are told of a person's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowgate.cli import play
from flowgate.domain.budgets import CHOSEN_FILE, STATE_FILE

if TYPE_CHECKING:
    from tests.conftest import Workspace


def chosen(place: Workspace, *, if_serving: str = "", check: bool = False, code: int = 0) -> str | None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(play, "run_in", lambda session, request: code)
        assert play.set_profile("", "cost", if_serving, check=check) == code
    path = place.runtime / CHOSEN_FILE
    return path.read_text() if path.is_file() else None


@pytest.fixture
def with_budgets(place: Workspace) -> Workspace:
    place.runtime.mkdir(parents=True, exist_ok=True)
    (place.runtime / STATE_FILE).write_text("{}")
    return place


def test_a_persons_choice_is_told(with_budgets: Workspace) -> None:
    assert chosen(with_budgets) == "cost"
    assert (with_budgets.runtime / CHOSEN_FILE).stat().st_mode & 0o777 == 0o600


def test_without_budgets_nothing_is_written(place: Workspace) -> None:
    assert chosen(place) is None


def test_a_budgets_own_command_is_no_choice(with_budgets: Workspace) -> None:
    assert chosen(with_budgets, if_serving="balanced") is None


def test_a_prediction_is_no_choice(with_budgets: Workspace) -> None:
    assert chosen(with_budgets, check=True) is None


def test_a_profile_that_was_refused_is_no_choice(with_budgets: Workspace) -> None:
    assert chosen(with_budgets, code=3) is None


def test_a_choice_that_cannot_be_written_is_said(with_budgets: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    (with_budgets.runtime / CHOSEN_FILE).mkdir()
    assert chosen(with_budgets) is None
    assert "a budget may switch back from cost" in capsys.readouterr().err
