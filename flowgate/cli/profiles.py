"""Profiles, on paper: list, show, compare."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.cli.session import Session, open_session
from flowgate.errors import raise_all

if TYPE_CHECKING:
    from flowgate.gateway.policy import Policy


def list_profiles(config: str, as_json: bool) -> int:
    """Print the profiles of the config, and which is in force."""
    session = open_session(config)
    current = session.profile()
    if as_json:
        console.document({"current": current.value, "by": current.by, "profiles": list(session.config.profiles)})
        return 0
    console.note(session.describe())
    for name in session.config.profiles:
        console.data(f"{'*' if name == current.value else ' '} {name}")
    return 0


def show(config: str, name: str, as_json: bool) -> int:
    """Print what a profile promises, and the settings of both programs that keep it; keys stay references.

    Raises:
        UnknownName: See the message.
        UsageError: A fallback that leads nowhere or in a circle, or a setting LiteLLM ignores.
    """
    from flowgate.gateway import policy_summary, preflight
    from flowgate.gateway.serialization import dump

    session = open_session(config)
    settled = session.profile(name)
    policy = _policy(session, settled.value)
    raise_all(f"profile {settled.value}", preflight.faults(session.config, settled.value, policy))
    doubts = preflight.warnings(session.config, settled.value, policy)
    if as_json:
        console.document(
            {
                "profile": settled.value,
                "settings": policy.litellm,
                "cliproxyapi_plus": policy.cliproxy,
                "promises": asdict(policy.promises),
                "in_words": policy_summary.describe(policy),
                "bench": {"by": policy.cooldowns_by, "why": policy.why},
                "budget": {**asdict(policy.budget), "vendor": policy.budget.vendor, "whole": policy.budget.whole},
                "changes": list(policy.changes),
                "warnings": doubts,
            }
        )
        return 0
    console.note(f"{session.describe()}; profile {settled.value} ({settled.by})")
    blocks = (
        (f"what {settled.value} promises", policy_summary.describe(policy)),
        ("what was moved or set for it, and why", list(policy.changes)),
        ("settings of CLIProxyAPIPlus (.router/runtime/cliproxyapi.yaml)", dump(policy.cliproxy).splitlines()),
    )
    for title, lines in blocks:
        if lines:
            console.data("\n".join([f"# {title}:", *(f"#   {line}" for line in lines)]))
    console.data(f"# settings of LiteLLM:\n{dump(policy.litellm).rstrip()}")
    for line in doubts:
        console.note(f"warning: {line}")
    return 0


def _policy(session: Session, profile: str) -> Policy:
    """Compile a profile, with the accounts that there are."""
    from flowgate.cli.checks import runtime
    from flowgate.gateway import build

    return build.compile_policy(session.config, profile, runtime.read_only_context(session, []).build_inputs())


def diff(config: str, old: str, new: str) -> int:
    """Print what differs between the settings that two profiles come to; 0 also when something does."""
    import difflib

    from flowgate.gateway.serialization import dump

    session = open_session(config)
    before, after = (
        [*dump(policy.litellm).splitlines(), "# CLIProxyAPIPlus:", *dump(policy.cliproxy).splitlines()]
        for policy in (_policy(session, old), _policy(session, new))
    )
    lines = list(difflib.unified_diff(before, after, fromfile=old, tofile=new, lineterm="", n=2))
    for line in lines:
        console.data(line)
    if not lines:
        console.note(f"{old} and {new} are the same")
    return 0
