"""The command `inv rehearse`: run the playbook, print the result, write the reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from flowgate.cli import console, fleet, run_playbook, run_reports, stored_reports
from flowgate.cli.requests import RunRequest
from flowgate.cli.session import open_session
from flowgate.domain import Outcome, Variables
from flowgate.errors import FlowGateError
from flowgate.rehearsal import report, summary
from flowgate.rehearsal.plan import HIGHEST_GATEWAYS
from flowgate.rehearsal.result import ProfileResult, RehearsalResult
from flowgate.system import files

PLAYBOOK = "rehearse"


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of the result of a rehearsal.

    Attributes:
        as_json: Print one JSON document instead of tables.
        verbose: Also list the promises that were kept.
        junit: File for a JUnit report; empty for none.
        html: File for an HTML report; empty for none.
    """

    as_json: bool = False
    verbose: bool = False
    junit: str = ""
    html: str = ""


def rehearse(
    config: str,
    profile: str,
    variables: Variables,
    gateways: str = "",
    *,
    how: Shown,
) -> int:
    """Rehearse profiles and return the exit code.

    Args:
        config: Path of the config; empty if none was typed.
        profile: Name of the profile; empty for the active one.
        variables: Other variables of the playbook.
        gateways: How many gateways are rehearsed together, as typed; empty for one.
        how: What is shown of the result.
    """
    count = fleet.count_of(gateways, HIGHEST_GATEWAYS)
    run_reports.check_writable({"junit": how.junit, "html": how.html})
    request = RunRequest(PLAYBOOK, {**variables, "gateways": count}, profile=profile, exclusive=False)
    session = open_session(config)
    run = run_playbook.execute(session, request)
    result = find_result(run.report.outcomes)
    if result is not None:
        private = not any(variables.get(name) for name in ("as_written", "litellm_only", "against"))
        if private and count == 1:
            stored_reports.keep_rehearsal(session, result)
        _print(result, how)
        if how.junit:
            _write(how.junit, report.junit_report(result, run.report.started))
        if how.html:
            _write(how.html, report.page(result))
    return run_playbook.print_end(run)


def find_result(outcomes: Sequence[Outcome]) -> RehearsalResult | None:
    """Return the result that the step registered, also if it failed because a promise is broken."""
    for outcome in outcomes:
        facts = outcome.error.facts if isinstance(outcome.error, FlowGateError) else outcome.facts
        if "profiles" in facts:
            keys = ("version", "broken", "profiles")
            return cast("RehearsalResult", {key: facts[key] for key in keys})
    return None


def _print(result: RehearsalResult, how: Shown) -> None:
    if how.as_json:
        console.document(result)
        return
    for profile in result["profiles"]:
        _print_profile(profile, how.verbose)


def _print_profile(profile: ProfileResult, verbose: bool) -> None:
    console.data(summary.heading(profile))
    if table := summary.promise_table(profile, every=verbose):
        console.table(table)
    if not verbose and (others := summary.left_out(profile)):
        console.data(others)
    console.data("")
    console.table(summary.scenario_table(profile))
    console.data("")
    for note in summary.notes(profile):
        console.note(note)


def _write(path: str, text: str) -> None:
    files.write_atomic(Path(path).expanduser().absolute(), text)
