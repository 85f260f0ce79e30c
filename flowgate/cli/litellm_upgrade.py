"""The commands `litellm upgrade` and `litellm rollback`: run the playbook, print how the two versions compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from flowgate.cli import console, play, run_playbook
from flowgate.cli.rehearse import find_result
from flowgate.cli.requests import RunRequest
from flowgate.cli.session import open_session
from flowgate.domain import Outcome, Variables
from flowgate.errors import FlowGateError
from flowgate.rehearsal import summary
from flowgate.rehearsal.result import RehearsalResult

UPGRADE, ROLLBACK = "upgrade-litellm", "rollback-litellm"


def upgrade(config: str, variables: Variables, *, as_json: bool, check: bool) -> int:
    """Upgrade LiteLLM and return the exit code.

    Args:
        config: Path of the config; empty if none was typed.
        variables: Variables of the playbook.
        as_json: Print one JSON document instead of tables.
        check: Predict the changes without making them.
    """
    request = RunRequest(UPGRADE, variables, profile="", event="litellm_upgrade", check=check)
    run = run_playbook.execute(open_session(config), request)
    rows = _comparison(run.report.outcomes)
    result = find_result(run.report.outcomes)
    if as_json:
        profiles = result["profiles"] if result else []
        console.document({"broken": result["broken"] if result else None, "comparison": rows, "profiles": profiles})
    elif rows:
        console.table(rows)
        for line in _broken(result):
            console.data(line)
    return run_playbook.print_end(run)


def roll_back(config: str, *, check: bool) -> int:
    """Hand back to the previous LiteLLM and return the exit code.

    Args:
        config: Path of the config; empty if none was typed.
        check: Predict the changes without making them.
    """
    return play.run(config, ROLLBACK, {}, profile="", event="litellm_rollback", check=check)


def _broken(result: RehearsalResult | None) -> list[str]:
    profiles = result["profiles"] if result else []
    found = [(one["profile"], promise) for one in profiles for promise in summary.broken_promises(one["promises"])]
    return [f"broken: {name}, {one['scenario']}: {summary.promise_text(one)}" for name, one in found]


def _comparison(outcomes: Sequence[Outcome]) -> list[list[str]]:
    """Return the table that the rehearsal registered, also if it failed because a promise is broken."""
    for outcome in outcomes:
        facts = outcome.error.facts if isinstance(outcome.error, FlowGateError) else outcome.facts
        if "comparison" in facts:
            return cast("list[list[str]]", facts["comparison"])
    return []
