"""Rehearse all profiles on one version of LiteLLM, measure what it costs, and record both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from flowgate.domain import LiteLLMEnvironment
from flowgate.errors import FlowGateError
from flowgate.rehearsal import version_record
from flowgate.rehearsal.figures import measure
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.profile_run import rehearse_profile
from flowgate.rehearsal.result import ProfileResult
from flowgate.rehearsal.scenarios import Scenario
from flowgate.rehearsal.version_record import Rehearsed, VersionRecord, of_profile, settings_digest
from flowgate.step import StepContext
from flowgate.system.clock import stamp


def rehearse_version(
    context: StepContext, plans: Mapping[str, Plan], scenarios: Sequence[Scenario], long: bool
) -> tuple[VersionRecord, list[ProfileResult]]:
    """Rehearse profiles on the environment of LiteLLM that a run uses; equal settings once.

    Args:
        context: Tools of this run.
        plans: Profile → its plan.
        scenarios: The scenarios to run.
        long: Also run those that wait for a cooldown of CLIProxyAPIPlus.

    Returns:
        The record, which has been written, and the results.
    """
    environment = context.litellm()
    context.set_activity(f"LiteLLM {environment.version}: measuring")
    figures = measure(context, next(iter(plans.values())))
    results: list[ProfileResult] = []
    profiles: dict[str, Rehearsed] = {}
    done: dict[str, Rehearsed] = {}
    for name, plan in plans.items():
        digest = settings_digest(plan)
        if digest not in done:
            results.append(rehearse_profile(context, plan, list(scenarios), long))
            done[digest] = of_profile(plan, results[-1])
        profiles[name] = done[digest]
    at = stamp(context.clock.wall())
    record = VersionRecord(environment.version, environment.digest, at, profiles, figures)
    version_record.write(context, record)
    return record, results


def known_figures(
    context: StepContext, environment: LiteLLMEnvironment | None, plan: Plan
) -> tuple[VersionRecord | None, str]:
    """Return what is known of the version in force: from its last rehearsal, or measured now.

    Args:
        context: Tools of this run.
        environment: The environment in force; None if it is missing.
        plan: The plan of a profile.

    Returns:
        The record, and where its figures come from: "rehearsed on …" or "measured now".
    """
    if environment is None:
        return None, ""
    trial = replace(context, run_state=replace(context.run_state, litellm=environment))
    record = version_record.read(trial)
    if record.figures is not None:
        return record, f"rehearsed {record.at}"
    context.set_activity(f"LiteLLM {environment.version}: measuring")
    try:
        figures = measure(trial, plan)
    except FlowGateError as error:
        context.emit(f"LiteLLM {environment.version} could not be measured: {error.what}")
        return None, ""
    measured = replace(record, litellm=environment.version, digest=environment.digest, figures=figures)
    return measured, "measured now"
