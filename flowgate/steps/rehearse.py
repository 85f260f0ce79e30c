"""Simulate outages on a copy of a profile, private or deployed, and compare what happens with what it promises."""

from __future__ import annotations

from typing import cast

from flowgate.errors import CheckFailed, UnknownName, UsageError
from flowgate.rehearsal import version_record
from flowgate.rehearsal.deployed import find
from flowgate.rehearsal.deployed_run import rehearse_deployed
from flowgate.rehearsal.plan import Plan, make_plan
from flowgate.rehearsal.profile_run import rehearse_profile
from flowgate.rehearsal.result import VERSION, ProfileResult, RehearsalResult
from flowgate.rehearsal.scenarios import SCENARIOS, Scenario
from flowgate.rehearsal.summary import broken_promises, conclusion, on_gateways
from flowgate.step import Change, Facts, Result, StepContext, change

ONE = "a deployed gateway has one profile, and is rehearsed as it is"


def rehearse(
    context: StepContext,
    profile: str | None = None,
    every: bool = False,
    scenario: str = "",
    litellm_only: bool = False,
    long: bool = False,
    as_written: bool = False,
    gateways: int = 1,
    against: str = "",
    stand_ins: str = "",
    ca: str = "",
) -> Result | Change:
    """Simulate outages on a private copy of a profile, and compare what happens with what the profile promises.

    Args:
        context: Tools and state of this run.
        profile: Profile of the config; if absent, the active one.
        every: Rehearse all profiles of the config, one after another.
        scenario: Names of scenarios, separated by commas; if empty, all of them.
        litellm_only: Leave CLIProxyAPIPlus out; LiteLLM calls the fake vendors directly.
        long: Also run scenarios that wait for CLIProxyAPIPlus' own cooldown of a minute.
        as_written: Use the profile as it is written, without FlowGate's changes.
        gateways: Gateways that share the requests; they have a Redis server of their own if the profile names one.
        against: URL of a gateway that was exported with `--rehearsal` and deployed; if empty, a private copy runs.
        stand_ins: URL of the control port of its stand-ins.
        ca: File of the CA of both, relative to the config; if empty, their certificates are those of a public CA.

    Returns:
        `broken` (number of broken promises), `profiles` (keys as in `inv rehearse --json`) and `version` (of the keys).

    Raises:
        CheckFailed: A promise is broken.
        UsageError: A name is unknown, or a profile cannot be rehearsed so, or needs a Redis server that is missing.
    """
    if against or stand_ins or ca:
        private = every or litellm_only or as_written or long or gateways != 1
        return _against(context, profile, scenario, (against, stand_ins, ca), private)
    scenarios = select(scenario)
    names = list(context.config.profiles) if every else [profile or context.run_state.profile.value]
    plans = _plans(context, names, gateways, litellm_only=litellm_only, as_written=as_written)

    def run(context: StepContext) -> Facts:
        profiles = [rehearse_profile(context, plan, scenarios, long) for plan in plans]
        if not (as_written or litellm_only or gateways > 1):
            version_record.note(context, plans, profiles)
        return _facts(profiles)

    summary = f"rehearse {', '.join(names)}{on_gateways(gateways)}: {_said(scenario, scenarios)}"
    return change(summary, run, changes=False, unpredicted="only a rehearsal shows what happens")


def _plans(
    context: StepContext, names: list[str], gateways: int, *, litellm_only: bool, as_written: bool
) -> list[Plan]:
    how = {"litellm_only": litellm_only, "as_written": as_written}
    return [make_plan(context, name, gateways=gateways, **how) for name in names]


def _against(
    context: StepContext, profile: str | None, scenario: str, urls: tuple[str, str, str], unsuitable: bool
) -> Change:
    """Rehearse a deployed gateway; only its own check finds out whether it may be touched."""
    if unsuitable:  # options that only a private copy has
        raise UsageError(ONE, fix="leave out --all, --litellm-only, --long, --as-written and --gateways")
    profile = profile or context.run_state.profile.value
    scenarios = select(scenario)
    find(context, *urls)
    plan = make_plan(context, profile, litellm_only=True, as_written=False)

    def run(context: StepContext) -> Facts:
        return _facts([rehearse_deployed(context, plan, scenarios, find(context, *urls))])

    summary = f"rehearse {profile} at {urls[0]}: {_said(scenario, scenarios)}"
    return change(summary, run, changes=False, unpredicted="only a rehearsal shows what happens")


def _said(scenario: str, scenarios: list[Scenario]) -> str:
    return f"scenario {scenario}" if scenario else f"{len(scenarios)} scenarios"


def _facts(profiles: list[ProfileResult]) -> Facts:
    """Return what the step registers; a broken promise is an error that has the same facts."""
    broken = sum(len(broken_promises(one["promises"])) for one in profiles)
    result: RehearsalResult = {"version": VERSION, "broken": broken, "profiles": profiles}
    if broken:
        raise CheckFailed(conclusion(result), facts=result)
    return cast("Facts", {**result, "message": conclusion(result)})  # mypy: a TypedDict is no Mapping[str, Value]


def select(names: str) -> list[Scenario]:
    """Return the scenarios with these names.

    Args:
        names: Names, separated by commas; if empty, all of them.

    Raises:
        UnknownName: No scenario has this name.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    for name in wanted:
        if name not in SCENARIOS:
            raise UnknownName("scenario", name, known=SCENARIOS)
    return [one for name, one in SCENARIOS.items() if not wanted or name in wanted]
