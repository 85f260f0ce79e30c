"""The commands `profile list` and `profile show`."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from flowgate.cli import budgets, console, fleet
from flowgate.cli.policies import policy_of, shown, shown_upstream
from flowgate.cli.session import Session, open_session
from flowgate.domain.secret_names import without_secrets
from flowgate.errors import raise_all

if TYPE_CHECKING:
    from flowgate.gateway.policy import Policy

HOW = {"typed": "", "state": " (the active one)", "default": " (the default)"}  # how the shown profile was chosen


def list_profiles(config: str, as_json: bool) -> int:
    """Print the profiles of the config; mark the active one.

    Args:
        config: Path after `--config`; empty to search for the config.
        as_json: Print one JSON document.
    """
    session = open_session(config)
    current = session.profile()
    if as_json:
        console.document({"current": current.value, "by": current.by, "profiles": list(session.config.profiles)})
        return 0
    console.note(session.describe())
    for name in session.config.profiles:
        console.data(f"{'*' if name == current.value else ' '} {name}")
    return 0


def show(config: str, name: str, as_json: bool, gateways: str = "") -> int:
    """Print what a profile promises, and the settings that both programs get; keys stay references.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The profile; empty for the active one.
        as_json: Print one JSON document.
        gateways: How many gateways serve the profile, as typed; empty for one.

    Raises:
        UnknownName: There is no such profile.
        UsageError: The number of gateways is none, a fallback names no model or leads back to its start, or LiteLLM
            ignores a setting.
    """
    from flowgate.gateway import client_names, preflight, shared_deployments

    count = fleet.count_of(gateways)
    session = open_session(config)
    settled = session.profile(name)
    policy = policy_of(session, settled.value)
    raise_all(f"profile {settled.value}", preflight.faults(session.config, settled.value, policy))
    rendered = replace(policy, litellm=shared_deployments.with_ids(session.config, policy.litellm))
    several = fleet.of_session(session, policy, count)
    warnings = [*preflight.warnings(session.config, settled.value, policy), *policy.warnings]
    if as_json:
        litellm = {**_measured(policy), "rehearsed": rehearsed(session, settled.value)}
        shown = _document(settled.value, rendered, warnings, _access(session, policy), budgets.in_words(session))
        own = client_names.of_profile(session.config, settled.value)
        console.document(
            {**shown, "model_names": own, "litellm": litellm, "fleet": asdict(several) if several else None}
        )
        return 0
    console.note(f"{session.describe()}; profile {settled.value}{HOW[settled.by]}; LiteLLM {_litellm(session)}")
    names = client_names.describe(session.config, settled.value, policy.litellm)
    _print_policy(settled.value, rendered, _access(session, policy), names, rehearsed(session, settled.value))
    if several:
        console.data("\n".join([f"# what {count} gateways make of it:", *(f"#   {line}" for line in several.in_words)]))
    if limits := budgets.in_words(session):
        console.data("\n".join(["# budgets, which hold under every profile:", *(f"#   {line}" for line in limits)]))
    budgets.print_exhausted([*warnings, *budgets.exhausted(session)])
    return 0


def _litellm(session: Session) -> str:
    """Return the version of LiteLLM in force, for which the statements hold."""
    from flowgate.cli.checks import runtime

    return runtime.read_only_context(session, []).litellm().version


def _access(session: Session, policy: Policy) -> list[str]:
    """Describe what the request filter asks of clients."""
    from flowgate.gateway import request_rules

    return request_rules.describe(session.config, policy.litellm)


def _document(
    profile: str, policy: Policy, warnings: list[str], access: list[str], budgets: list[str]
) -> dict[str, object]:
    """Return what `--json` prints; docs/json.md describes the keys."""
    from flowgate.gateway import policy_summary

    return {
        "profile": profile,
        "settings": without_secrets(policy.litellm),
        "cliproxyapi_plus": without_secrets(policy.cliproxy),
        "promises": None if policy.unknown else asdict(policy.promises),
        "in_words": policy_summary.describe(policy),
        "access": access,
        "cooldowns": {"by": policy.cooldowns_by, "why": policy.why},
        "budgets": budgets,
        "budget": None if policy.unknown else _budget(policy),
        "changes": list(policy.changes),
        "unknown": list(policy.unknown),
        "warnings": warnings,
    }


def _measured(policy: Policy) -> dict[str, object]:
    from flowgate.gateway import litellm_behaviour

    version, known = policy.declared.version, litellm_behaviour.BEHAVIOURS
    return {
        "version": version,
        "measured": list(litellm_behaviour.OBSERVED),
        "is_measured": version in litellm_behaviour.OBSERVED,
        "behaviours": [name for name in known if litellm_behaviour.holds(name, version)],
    }


def _budget(policy: Policy) -> dict[str, int]:
    return {**asdict(policy.budget), "vendor": policy.budget.vendor, "whole": policy.budget.whole}


def rehearsed(session: Session, profile: str) -> str:
    """Say whether a profile was rehearsed on the LiteLLM in force, and with which result.

    Args:
        session: The session of this command.
        profile: The profile.
    """
    from flowgate.cli.checks import runtime
    from flowgate.rehearsal import version_record
    from flowgate.rehearsal.plan import make_plan
    from flowgate.rehearsal.summary import counted

    context = runtime.read_only_context(session, [])
    record = version_record.read(context)
    known, litellm = record.profiles.get(profile), context.litellm().version
    if known is None:
        return f"never rehearsed here on LiteLLM {litellm}: inv rehearse --profile {profile}"
    plan = make_plan(context, profile, litellm_only=False, as_written=False)
    if known.settings != version_record.settings_digest(plan):
        return f"rehearsed here on LiteLLM {litellm}, but with other settings ({record.at})"
    scenarios = f"{len(known.scenarios)} scenario{'s' if len(known.scenarios) != 1 else ''}"
    verdicts = counted(known.promises, known.kept, len(known.broken))
    return f"rehearsed here on LiteLLM {litellm} in {scenarios} ({record.at}): {verdicts}"


def _print_policy(profile: str, policy: Policy, access: list[str], names: list[str], rehearsal: str) -> None:
    from flowgate.gateway import litellm_behaviour, policy_summary

    blocks = (
        (f"what {profile} promises", policy_summary.describe(policy)),
        ("where these statements come from", [litellm_behaviour.observed(policy.declared.version), rehearsal]),
        ("what clients need", access),
        ("names that clients ask for by themselves", names),
        ("what FlowGate moved, added or kept, and why", list(policy.changes)),
        ("settings of CLIProxyAPIPlus (.router/runtime/cliproxyapi.yaml)", shown_upstream(policy)),
    )
    for title, lines in blocks:
        if lines:
            console.data(console.spell_commands("\n".join([f"# {title}:", *(f"#   {line}" for line in lines)])))
    console.data(f"# settings of LiteLLM:\n{shown(policy.litellm).rstrip()}")
