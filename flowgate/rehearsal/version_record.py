"""Records of rehearsals of a version of LiteLLM: which settings it kept the promises of, and what it costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from flowgate.domain import Config, LiteLLMEnvironment
from flowgate.errors import FlowGateError
from flowgate.gateway import litellm_environments
from flowgate.rehearsal.comparisons import KEPT
from flowgate.rehearsal.figures import Figures
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.result import ProfileResult
from flowgate.rehearsal.scenarios import Scenario
from flowgate.rehearsal.summary import broken_promises, promise_text
from flowgate.step import StepContext
from flowgate.system.clock import stamp

RECORD_VERSION = 2  # in 1, the start was measured without a start before it


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One profile, as it was rehearsed.

    Attributes:
        settings: Digest of the settings that LiteLLM got; they depend on its version.
        scenarios: Names of the scenarios that ran.
        promises: Number of promises that were compared.
        kept: Number of those that were kept.
        broken: The broken ones, as sentences.
        written: Digest of the profile as the config has it.
    """

    settings: str
    scenarios: tuple[str, ...]
    promises: int
    kept: int
    broken: tuple[str, ...] = ()
    written: str = ""

    def is_part_of(self, known: Rehearsed | None) -> bool:
        """Return whether nothing is new in this beside an earlier rehearsal of more scenarios.

        Args:
            known: The earlier rehearsal; None if there is none.
        """
        if known is None or known.settings != self.settings or self.broken:
            return False
        return set(self.scenarios) < set(known.scenarios)


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """What was rehearsed on an environment.

    Attributes:
        litellm: LiteLLM's version.
        digest: The environment's digest.
        at: When (UTC, RFC 3339).
        profiles: The profiles.
        figures: What it costs; None if it was not measured.
    """

    litellm: str = ""
    digest: str = ""
    at: str = ""
    profiles: Mapping[str, Rehearsed] = field(default_factory=dict)
    figures: Figures | None = None

    def covers(self, plans: Mapping[str, str], scenarios: Sequence[Scenario]) -> bool:
        """Return whether all these profiles were rehearsed in these scenarios.

        Args:
            plans: Profile → digest of its settings.
            scenarios: The scenarios.
        """
        names = {one.name for one in scenarios}
        return self.profiles.keys() == plans.keys() and all(names <= set(o.scenarios) for o in self.profiles.values())

    def limited(self, plans: Mapping[str, str]) -> VersionRecord:
        """Return the record of these settings alone.

        Args:
            plans: Profile → digest of its settings.
        """
        known = {one.settings: one for one in self.profiles.values()}
        profiles = {name: known[digest] for name, digest in plans.items() if digest in known}
        return replace(self, profiles=profiles)


def path(config: Config, environment: LiteLLMEnvironment) -> Path:
    """Return the file that records the rehearsals of an environment.

    Args:
        config: The config.
        environment: The environment.
    """
    name = environment.name or f"bundled-{environment.version}"
    return litellm_environments.folder(config) / f"rehearsed-{name}.json"


def settings_digest(plan: Plan) -> str:
    """Return a digest of all that a rehearsal of a plan depends on beside LiteLLM.

    Args:
        plan: The plan.
    """
    budget = asdict(plan.policy.budget)
    return _digest([plan.settings, plan.user_settings, plan.upstream_settings, plan.litellm_only, budget])


def _written_digest(plan: Plan) -> str:
    """Return a digest of a profile as the config has it: the same for all versions of LiteLLM."""
    return _digest([plan.config.litellm_base, plan.config.profiles[plan.profile], plan.user_settings])


def _digest(parts: list[object]) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:12]


def of_profile(plan: Plan, result: ProfileResult) -> Rehearsed:
    """Return what to record of a rehearsed profile.

    Args:
        plan: Its plan.
        result: Its result.
    """
    promises = result["promises"]
    broken = tuple(f"{one['scenario']}: {promise_text(one)}" for one in broken_promises(promises))
    left_out = set(result["omitted_scenarios"])
    scenarios = (*(one["scenario"] for one in result["scenarios"]), *sorted(left_out))
    kept = sum(one["verdict"] == KEPT for one in promises)
    return Rehearsed(settings_digest(plan), scenarios, len(promises), kept, broken, _written_digest(plan))


def dump(record: VersionRecord) -> str:
    """Return the text of a record.

    Args:
        record: The record.
    """
    return json.dumps({"version": RECORD_VERSION, **asdict(record)}, indent=2) + "\n"


def parse(text: str | None) -> VersionRecord:
    """Read a record; an absent or damaged one is empty.

    Args:
        text: Its text; None if there is no such file.
    """
    try:
        tree = json.loads(text or "{}")
        profiles = {
            str(name): Rehearsed(
                str(one["settings"]),
                tuple(map(str, one["scenarios"])),
                int(one["promises"]),
                int(one["kept"]),
                tuple(map(str, one["broken"])),
                str(one["written"]),
            )
            for name, one in tree.get("profiles", {}).items()
        }
        found = tree.get("figures") if tree.get("version") == RECORD_VERSION else None
        figures: Figures | None = None
        if found is not None:
            figures = {
                "start_seconds": float(found["start_seconds"]),
                "memory_bytes": int(found["memory_bytes"]),
                "cpu_seconds": float(found["cpu_seconds"]),
            }
        return VersionRecord(str(tree["litellm"]), str(tree["digest"]), str(tree["at"]), profiles, figures)
    except (ValueError, KeyError, TypeError, AttributeError):
        return VersionRecord()


def read(context: StepContext) -> VersionRecord:
    """Read the record of the environment of LiteLLM that a run uses; empty if the environment has changed since.

    Args:
        context: Tools and state of this run.
    """
    environment = context.litellm()
    found = parse(context.files.read(path(context.config, environment)))
    return found if found.digest == environment.digest else VersionRecord()


def write(context: StepContext, record: VersionRecord) -> None:
    """Write the record of the environment of LiteLLM that a run uses; what it holds of other profiles stays.

    Args:
        context: Tools and state of this run.
        record: The record.
    """
    known = read(context)
    new = {name: one for name, one in record.profiles.items() if not one.is_part_of(known.profiles.get(name))}
    whole = replace(record, profiles={**known.profiles, **new}, figures=record.figures or known.figures)
    context.files.write(path(context.config, context.litellm()), dump(whole))


def note(context: StepContext, plans: Sequence[Plan], results: Sequence[ProfileResult]) -> None:
    """Record rehearsals on the environment of LiteLLM that a run uses.

    Args:
        context: Tools and state of this run.
        plans: The plans.
        results: The result of each.
    """
    environment = context.litellm()
    profiles = {plan.profile: of_profile(plan, one) for plan, one in zip(plans, results, strict=True)}
    at = stamp(context.clock.wall())
    try:
        write(context, VersionRecord(environment.version, environment.digest, at, profiles))
    except FlowGateError as error:
        context.emit(f"warning: the rehearsal could not be recorded: {error.what}")
