"""The command `inv rehearse`: which result it prints."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.cli.rehearse import Shown, _print, find_result
from flowgate.domain import Outcome
from flowgate.errors import CheckFailed, UsageError
from tests.unit.rehearsal.results import rehearsal, scenario


def outcome(error: BaseException | None = None, **facts: Any) -> Outcome:
    status = "failed" if error else "unchanged"
    return Outcome("Rehearse", "rehearse", status, "", 1.0, "rehearse.yml:12:7", facts=facts, error=error)


def test_the_result_of_a_successful_rehearsal_is_found() -> None:
    result = rehearsal(scenario())
    assert find_result([outcome(message="cost: 1 of 1 promise kept", **result)]) == result


def test_the_result_of_a_rehearsal_with_a_broken_promise_is_found() -> None:
    result = rehearsal(scenario("broken"))
    assert find_result([outcome(CheckFailed("cost breaks a promise", facts=result))]) == result


@pytest.mark.parametrize(("verbose", "rows"), [(False, 1), (True, 2)])
def test_only_a_verbose_rehearsal_lists_kept_promises(
    verbose: bool, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    _print(rehearsal(scenario(), scenario("broken", name="hang")), Shown(verbose=verbose))
    promises = capsys.readouterr().out.split("\n\n")[0]
    assert promises.count("within 2 failed requests") == rows
    assert ("--verbose" in promises) is not verbose


def test_a_rehearsal_that_did_not_run_has_no_result() -> None:
    assert find_result([outcome(UsageError("no scenario is called '50'"))]) is None
