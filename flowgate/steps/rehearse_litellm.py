"""Rehearse every profile of the config on another version of LiteLLM, beside the one that serves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from flowgate.domain import LiteLLMEnvironment
from flowgate.errors import CheckFailed
from flowgate.gateway import litellm_in_force
from flowgate.rehearsal import version_record
from flowgate.rehearsal.plan import Plan, make_plan
from flowgate.rehearsal.result import VERSION, RehearsalResult
from flowgate.rehearsal.scenarios import Scenario
from flowgate.rehearsal.summary import conclusion
from flowgate.rehearsal.version_comparison import compare, recorded_broken
from flowgate.rehearsal.version_record import settings_digest
from flowgate.rehearsal.version_rehearsal import known_figures, rehearse_version
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps.rehearse import select


def rehearse_litellm(
    context: StepContext,
    version: str,
    scenario: str = "",
    long: bool = False,
    accept_broken: bool = False,
    expected: bool = False,
) -> Result | Change:
    """Rehearse every profile of the config on a version of LiteLLM, beside the one that serves.

    Profiles with equal settings are rehearsed once. What was rehearsed before with the same settings, and broke
    nothing, is not repeated.

    Args:
        context: Tools and state of this run.
        version: Version of LiteLLM, as installed by `install_litellm`.
        scenario: Names of scenarios, separated by commas; if empty, all of them.
        long: Also run scenarios that wait for CLIProxyAPIPlus' own cooldown of a minute.
        accept_broken: Succeed although promises are broken.
        expected: An earlier task of this run installs it; in check mode it is not there yet.

    Returns:
        `broken` (number of broken promises), `profiles` and `version` (as in `inv rehearse --json`), and `comparison`
        (rows of a table: what, the version in force, this one).

    Raises:
        CheckFailed: A promise is broken.
        ProgramMissing: The version is not installed.
        UsageError: A profile cannot be rendered, or has no model that can be requested by its name.
    """
    tried, in_force = _environments(context, version, expected)
    if in_force is not None and tried.name == in_force.name:
        message = f"LiteLLM {tried.version} is in force already"
        return unchanged(message, version=VERSION, broken=0, profiles=[], comparison=[])
    scenarios, trial = select(scenario), _trying(context, tried)
    plans = {name: make_plan(trial, name, litellm_only=False, as_written=False) for name in context.config.profiles}
    digests = {name: settings_digest(plan) for name, plan in plans.items()}
    record = version_record.read(trial).limited(digests)
    if record.covers(digests, scenarios) and (accept_broken or not recorded_broken(record)):
        old = version_record.read(_trying(context, in_force)) if in_force else None
        rows = compare(old, record, in_force.version if in_force else "", "")
        message = f"LiteLLM {version} was rehearsed with these settings ({record.at})"
        return unchanged(message, version=VERSION, broken=len(recorded_broken(record)), profiles=[], comparison=rows)

    trial_run = _Trial(tried, in_force, plans, scenarios, long, accept_broken)
    summary = f"rehearse {', '.join(_distinct(digests))} on LiteLLM {version}: {len(scenarios)} scenarios"
    return change(summary, trial_run.carry_out, changes=False, unpredicted="only a rehearsal shows what happens")


@dataclass(frozen=True, slots=True)
class _Trial:
    """A rehearsal of all profiles on one environment, compared with the one in force."""

    tried: LiteLLMEnvironment
    in_force: LiteLLMEnvironment | None
    plans: Mapping[str, Plan]
    scenarios: Sequence[Scenario]
    long: bool
    accept_broken: bool

    def carry_out(self, context: StepContext) -> Facts:
        """Rehearse, compare, and refuse what breaks a promise."""
        version = self.tried.version
        new, profiles = rehearse_version(_trying(context, self.tried), self.plans, self.scenarios, self.long)
        old, source = known_figures(context, self.in_force, next(iter(self.plans.values())))
        broken = recorded_broken(new)
        result: RehearsalResult = {"version": VERSION, "broken": len(broken), "profiles": profiles}
        rows = compare(old, new, self.in_force.version if self.in_force else "", source)
        facts = cast("Facts", {**result, "comparison": rows, "message": conclusion(result)})
        if broken and not self.accept_broken:
            raise CheckFailed(f"on LiteLLM {version}, {conclusion(result)}", fix=_fix(version), facts=facts)
        return facts


def _environments(
    context: StepContext, version: str, expected: bool
) -> tuple[LiteLLMEnvironment, LiteLLMEnvironment | None]:
    """Return the environment of a version, and the one in force; None if that is missing."""
    config, read = context.config, context.files.read
    tried = litellm_in_force.required(config, read, litellm_in_force.named(config, read, version), expected)
    return tried, litellm_in_force.environment(config, read, context.litellm_record().in_force)


def _trying(context: StepContext, environment: LiteLLMEnvironment) -> StepContext:
    return replace(context, run_state=replace(context.run_state, litellm=environment))


def _distinct(digests: Mapping[str, str]) -> list[str]:
    """Return one profile for each of the different settings."""
    found: dict[str, str] = {}
    for name, digest in digests.items():
        found.setdefault(digest, name)
    return list(found.values())


def _fix(version: str) -> str:
    return f"stay with the version in force, or accept it: inv litellm.upgrade --to {version} --accept-broken"
