"""Rehearse one profile: run its scenarios side by side, and compare each with the profile's promises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from flowgate.gateway import cliproxy
from flowgate.rehearsal.comparisons import BROKEN
from flowgate.rehearsal.observation import Observation
from flowgate.rehearsal.plan import Plan, omitted_settings
from flowgate.rehearsal.private_stack import PrivateStack
from flowgate.rehearsal.result import AttemptResult, ProfileResult, RequestResult, ScenarioResult
from flowgate.rehearsal.roles import PRIMARY
from flowgate.rehearsal.runner import ClientSettings, ScenarioRunner
from flowgate.rehearsal.scenarios import SCENARIOS, Scenario
from flowgate.rehearsal.verdicts import PATIENCE_SECONDS, TIMED, Expectations
from flowgate.step import StepContext
from flowgate.system import tempdirs

PARALLEL_SCENARIOS = 6  # they mostly wait
TIMEOUT_SLACK_SECONDS = 5.0
SLOW_KINDS = ("timeout", "stream")
SHORT_SECONDS = 6.0  # a scenario this short is worth a repetition


def rehearse_profile(
    context: StepContext,
    plan: Plan,
    scenarios: list[Scenario],
    long: bool = False,
    vendor_proxy: Callable[[str], str] | None = None,
) -> ProfileResult:
    """Rehearse one profile.

    Args:
        context: Tools of this run.
        plan: The plan of the profile.
        scenarios: The scenarios to run.
        long: Also run those that wait for a cooldown of CLIProxyAPIPlus.
        vendor_proxy: Maps the fake vendors' URL to the one that the programs get.
    """
    began = context.clock.now()
    selected = [one for one in scenarios if long or not plan.waits_for_upstream_cooldown(one)]
    with tempdirs.folder(tempdirs.REHEARSAL) as folder:
        stack = PrivateStack(context, plan, folder, vendor_proxy)
        try:
            stack.open(selected)
            results = _run_all(context, stack, selected)
        finally:
            stack.close()
    ordered = [results[one.name] for one in selected]
    return {
        "profile": plan.profile,
        "seconds": round(context.clock.now() - began, 1),
        "scale": plan.scale,
        "model": plan.roles.requested,
        "roles": dict(plan.roles.by_model),
        "litellm_only": plan.litellm_only,
        "upstream": _upstream(context, stack),
        "gateways": plan.gateways,
        "redis": plan.redis is not None,
        "omitted_scenarios": {
            one.name: "it waits for CLIProxyAPIPlus' own cooldown of a minute; add --long"
            for one in scenarios
            if one not in selected
        },
        "omitted_settings": omitted_settings(plan),
        "against": "",
        "not_exercised": {},
        "promises": [promise for result in ordered for promise in result["promises"]],
        "scenarios": ordered,
    }


def _upstream(context: StepContext, stack: PrivateStack) -> str:
    if not cliproxy.is_configured(context.config):
        return "none"
    return "the embedded upstream" if stack.uses_embedded else "CLIProxyAPIPlus"


def _run_all(context: StepContext, stack: PrivateStack, scenarios: list[Scenario]) -> dict[str, ScenarioResult]:
    """Run all scenarios side by side. Repeat alone those that only took too long: the machine may have been busy."""
    plan = stack.plan
    observed = _run_side_by_side(context, stack, scenarios)
    results = {name: scenario_result(plan, SCENARIOS[name], seen, runs=1) for name, seen in observed.items()}
    for name in [name for name, result in results.items() if is_only_late(result)]:
        context.set_activity(f"{plan.profile}: repeating '{name}' alone")
        results[name] = scenario_result(plan, SCENARIOS[name], _run(context, stack, SCENARIOS[name]), runs=2)
    return results


def _run_side_by_side(context: StepContext, stack: PrivateStack, scenarios: list[Scenario]) -> dict[str, Observation]:
    slow_first = sorted(scenarios, key=lambda one: one.kind not in SLOW_KINDS and not one.recovers)
    with ThreadPoolExecutor(max(1, PARALLEL_SCENARIOS // stack.plan.gateways)) as pool:
        running = {pool.submit(_run, context, stack, one): one for one in slow_first}
        try:
            return _collect(context, stack.plan.profile, running)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            stack.close()  # ends the requests that the other threads wait for
            raise


def _collect(
    context: StepContext, profile: str, running: Mapping[Future[Observation], Scenario]
) -> dict[str, Observation]:
    found: dict[str, Observation] = {}
    left = set(running)
    while left:
        names = ", ".join(sorted(running[one].name for one in left))
        context.set_activity(f"{profile}: {len(found)} of {len(running)} scenarios done; running: {names}")
        done, left = wait(left, return_when=FIRST_COMPLETED)
        found |= {running[one].name: one.result() for one in done}
    return found


def _run(context: StepContext, stack: PrivateStack, scenario: Scenario) -> Observation:
    client = client_settings(stack.plan)
    with stack.scenario(scenario) as running:
        return ScenarioRunner(context, running, client).run(stack.plan.scale)


def client_settings(plan: Plan) -> ClientSettings:
    """Return how the clients of a plan's scenarios behave.

    Args:
        plan: The plan.
    """
    promises = plan.promises
    longest = promises.waits.quiet + promises.stream_timeout + promises.request_timeout
    return ClientSettings(
        model=plan.roles.requested,
        timeout_seconds=min(PATIENCE_SECONDS, longest * plan.scale + TIMEOUT_SLACK_SECONDS),
        cooldown_seconds=plan.cooldown_seconds,
        minimum_requests=1 + (promises.failed_until_cooldown or 1),
        aliases=plan.roles.aliases,
        cases=plan.roles.cases,
    )


def _expectations(plan: Plan) -> Expectations:
    promises, budget = plan.promises, plan.policy.budget
    if plan.upstream_cooldowns:  # not scaled, while every promised time is compared at the plan's scale
        promises = replace(promises, cooldown_seconds=promises.cooldown_seconds / plan.scale)
    attempts = 1 if plan.litellm_only else budget.south * budget.accounts
    return Expectations(
        promises,
        plan.roles.has_secondary,
        attempts,
        plan.upstream_cooldowns,
        unknown=plan.unknown,
        deployments=max(1, len(plan.roles.models(PRIMARY))),
    )


def is_only_late(result: ScenarioResult) -> bool:
    """Return whether a short scenario broke nothing but times."""
    broken = {promise["promise"] for promise in result["promises"] if promise["verdict"] == BROKEN}
    last = result["requests"][-1]
    return bool(broken) and broken <= set(TIMED) and last["at"] + last["seconds"] < SHORT_SECONDS


def scenario_result(plan: Plan, scenario: Scenario, observed: Observation, runs: int) -> ScenarioResult:
    """Compare what was observed in a scenario with what its plan promises.

    Args:
        plan: The plan.
        scenario: The scenario.
        observed: What was observed.
        runs: How often the scenario ran.
    """
    ended = observed.fault_ended_at
    return {
        "scenario": scenario.name,
        "description": scenario.description,
        "runs": runs,
        "healthy_seconds": round(observed.healthy_seconds, 4),
        "fault_ended_at": None if ended is None else round(ended, 3),
        "requests": [
            RequestResult(
                at=round(one.at, 3),
                seconds=round(one.seconds, 3),
                answered_by=one.answered_by,
                attempts=dict(one.attempts),
                error=one.error,
                model=one.model,
            )
            for one in observed.requests
        ],
        "attempts": [AttemptResult(at=round(one.at, 3), role=one.role, failed=one.failed) for one in observed.attempts],
        "promises": _expectations(plan).compare(scenario, observed),
    }
