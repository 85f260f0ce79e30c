"""Rehearse a deployed gateway: one scenario after another, since all of them share it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy, worker_promises
from flowgate.rehearsal import deployed as proof
from flowgate.rehearsal.deployed import Deployed
from flowgate.rehearsal.observation import Observation
from flowgate.rehearsal.overlay_config import omitted
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.private_stack import ScenarioStack
from flowgate.rehearsal.profile_run import client_settings, is_only_late, scenario_result
from flowgate.rehearsal.result import ProfileResult, ScenarioResult
from flowgate.rehearsal.runner import ClientSettings, ScenarioRunner
from flowgate.rehearsal.scenarios import Scenario
from flowgate.rehearsal.stand_ins import OverlayFacts, StandIns
from flowgate.step import StepContext

SETTLE_SLACK_SECONDS = 0.5
CLOCK_SLACK_SECONDS = 0.002
NAMES_SECONDS = 300.0


def rehearse_deployed(context: StepContext, plan: Plan, scenarios: list[Scenario], deployed: Deployed) -> ProfileResult:
    """Rehearse a gateway where it runs.

    Args:
        context: Tools of this run.
        plan: The plan of its profile, without CLIProxyAPIPlus.
        scenarios: The scenarios to run.
        deployed: The gateway and its stand-ins.

    Raises:
        UsageError: It is no gateway for rehearsals of this profile; nothing was touched.
        EnvironmentFailure: It does not reach its stand-ins, or another rehearsal uses them.
        CheckFailed: A request failed before the fault started.
    """
    context = replace(context, http=deployed.http)
    began = context.clock.now()
    facts = proof.read_facts(deployed, plan)
    plan = _as_deployed(plan, facts)
    proof.verify(deployed, plan, facts)
    vendors = StandIns(deployed.control, context.http, plan.roles, plan.scale)
    results = []
    with _released(deployed):
        vendors.begin()
        proof.verify_path(deployed, facts)
        for number, scenario in enumerate(scenarios):
            context.set_activity(
                f"{plan.profile}: {number} of {len(scenarios)} scenarios done; running: {scenario.name}"
            )
            results.append(_judge(context, plan, scenario, deployed, vendors))
    return {
        "profile": plan.profile,
        "seconds": round(context.clock.now() - began, 1),
        "scale": plan.scale,
        "model": plan.roles.requested,
        "roles": dict(plan.roles.by_model),
        "litellm_only": True,
        "upstream": "none",
        "gateways": facts.gateways,
        "redis": facts.redis,
        "omitted_scenarios": {},
        "omitted_settings": omitted(plan, facts.redis),
        "against": deployed.url,
        "not_exercised": not_exercised(plan, facts),
        "promises": [promise for result in results for promise in result["promises"]],
        "scenarios": results,
    }


def _as_deployed(plan: Plan, facts: OverlayFacts) -> Plan:
    """Return the plan with the promises of so many gateways, which share their counts or not, and their time scale."""
    policy = plan.policy
    one = replace(policy.promises, workers=1, shares_cooldowns=False)
    whole = worker_promises.applied(replace(policy, promises=one), facts.gateways, policy.declared.version)
    return replace(plan, policy=whole, scale=facts.time_scale, deployed_redis=facts.redis)


def not_exercised(plan: Plan, facts: OverlayFacts) -> dict[str, str]:
    """Return what a rehearsal of a deployed gateway does not see, each with the reason.

    Args:
        plan: The plan of its profile.
        facts: What the stand-ins say.
    """
    found: dict[str, str] = {}
    if cliproxy.is_configured(plan.config) or plan.config.remote is not None:
        found["CLIProxyAPIPlus"] = "the deployed gateway asks the stand-ins directly, without accounts"
    if facts.redis:
        found["your Redis server"] = (
            "the gateways of a rehearsal share one of their own, so that no cooldown reaches yours"
        )
    elif facts.gateways > 1 or worker_promises.uses_redis(plan.policy.litellm):
        found["shared Redis"] = "the deployed gateways of a rehearsal have none: each counts by itself"
    if facts.gateways > 1:
        found["each single gateway"] = f"which of the {facts.gateways} gateways answers is not visible from outside"
    if plan.scale < 1:
        found["full times"] = f"LiteLLM's times are multiplied by {plan.scale:g}; export with --time-scale 1 for these"
    return found


@contextmanager
def _released(deployed: Deployed) -> Iterator[None]:
    """End all faults at the end, and let another rehearsal begin; the first error is the one that is reported."""
    try:
        yield
    except BaseException:
        try:
            deployed.control.release()
        except FlowGateError:
            pass
        raise
    deployed.control.release()


def _judge(
    context: StepContext, plan: Plan, scenario: Scenario, deployed: Deployed, vendors: StandIns
) -> ScenarioResult:
    """Run a scenario, and once more if it only took too long: the network or the machine may have been busy."""
    result = scenario_result(plan, scenario, _run(context, plan, scenario, deployed, vendors), runs=1)
    if is_only_late(result):
        result = scenario_result(plan, scenario, _run(context, plan, scenario, deployed, vendors), runs=2)
    return result


def _run(context: StepContext, plan: Plan, scenario: Scenario, deployed: Deployed, vendors: StandIns) -> Observation:
    vendors.begin()
    client = _client(plan, vendors)
    stack = ScenarioStack(scenario, deployed.url, deployed.headers, vendors, None)
    try:
        return ScenarioRunner(context, stack, client).run(plan.scale)
    finally:
        vendors.clear_faults(scenario)
        context.clock.sleep(max(client.settle_seconds, _asked_seconds(scenario, plan.scale)))


def _client(plan: Plan, vendors: StandIns) -> ClientSettings:
    """Return how the client behaves; attempts and requests are matched by two clocks, so it leaves a gap."""
    uncertainty = vendors.offset.uncertainty
    return replace(
        client_settings(plan),
        gap_seconds=2 * uncertainty + CLOCK_SLACK_SECONDS,
        settle_seconds=plan.cooldown_seconds + SETTLE_SLACK_SECONDS,
        names_seconds=NAMES_SECONDS,
        run=f" ({secrets.token_hex(8)})",
    )


def _asked_seconds(scenario: Scenario, scale: float) -> float:
    """Return the longest cooldown that a vendor of a scenario asks for."""
    asked = [max(1.0, one.retry_after * scale) for one in scenario.faults.values() if one.retry_after]
    return max(asked, default=0.0) + SETTLE_SLACK_SECONDS
