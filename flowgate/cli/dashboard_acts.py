"""What the dashboard's acts would do, and the commands that do it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from flowgate.cli.session import Session
from flowgate.dashboard.data import Preview
from flowgate.errors import UnknownName

PROGRAM = (sys.executable, "-P", "-c", "from flowgate.cli.main import main; main()")

ProfilePreview = Callable[[Session, str, str], Preview]


def preview(session: Session, act: str, value: str, cooled: Sequence[str], of_profile: ProfilePreview) -> Preview:
    """Say what an act would do.

    Args:
        session: Config and supervisor.
        act: One of `flowgate.dashboard.acts.ACTS`.
        value: A profile, a service or a model.
        cooled: Models in cooldown.
        of_profile: Runs one of `PROFILE_ACTS`.

    Raises:
        UnknownName: There is no such act, profile, service or model.
        UsageError: The profile cannot be used.
    """
    known = {"switch": session.config.profiles, "rehearse": session.config.profiles}
    names = {**known, "restart": session.config.services, "clear": cooled}
    if act not in names:
        raise UnknownName("act", act, known=tuple(names))
    if value not in names[act]:
        raise UnknownName({"restart": "service", "clear": "model"}.get(act, "profile"), value, known=tuple(names[act]))
    if act in PROFILE_ACTS:
        return of_profile(session, act, value)
    return _restart(value) if act == "restart" else _clear(value)


def command(session: Session, shown: Preview) -> list[str]:
    """Return the command line of an act.

    Args:
        session: Config and supervisor.
        shown: What `preview` has returned.
    """
    return [*PROGRAM, "--config", str(session.named.value), *shown.words]


def _switch(session: Session, profile: str) -> Preview:
    from flowgate.cli import policies, profile_diff
    from flowgate.gateway import policy_summary, preflight

    current = session.supervisor.generation("litellm")
    old = str(current["labels"].get("profile") or "") if current else session.profile().value
    serves = "litellm serves" if current else "Nothing serves; the last profile was"
    if old == profile:
        lines = [f"Profile {profile} is in force already; its documents are rendered again."]
        return Preview(f"Switch to {profile}", lines, words=["profile.set", profile])
    after = policies.policy_of(session, profile)
    wrong = [fault.what for fault in preflight.faults(session.config, profile, after)]
    old_promises = policy_summary.describe(policies.policy_of(session, old)) if old in session.config.profiles else []
    new_promises = policy_summary.describe(after)
    return Preview(
        title=f"Switch from {old} to {profile}" if old else f"Switch to {profile}",
        lines=[
            f"{serves} {old or 'a profile that the config does not have any more'}.",
            "A second LiteLLM starts, is tested, and takes over; requests in progress are finished by the first one.",
            *(f"It will be refused: {one}" for one in wrong),
        ],
        gone=[one for one in old_promises if one not in new_promises],
        come=[one for one in new_promises if one not in old_promises],
        diff=profile_diff.settings_diff(session, old, profile) if old in session.config.profiles else [],
        words=["profile.set", profile],
    )


def _rehearse(session: Session, profile: str) -> Preview:
    from flowgate.cli import profiles

    lines = [
        "Outages are played through on private ports, with vendors of FlowGate's own; the gateway is not touched.",
        f"So far: {profiles.rehearsed(session, profile)}.",
    ]
    return Preview(f"Rehearse {profile}", lines, words=["rehearse", "--profile", profile])


def _restart(service: str) -> Preview:
    how = {
        "litellm": "A new generation starts and takes over; requests in progress are finished by the old one.",
    }.get(service, "New requests wait, those in progress are finished, and the program starts again.")
    return Preview(f"Restart {service}", [how], words=["service.restart", "--service", service])


def _clear(model: str) -> Preview:
    lines = [
        "LiteLLM forgets its cooldowns by a new generation, which takes over without dropping a request; "
        "CLIProxyAPIPlus ends the cooldown of an account by itself.",
        "If the provider still fails, the model is in cooldown again after the next failures.",
    ]
    return Preview(f"End the cooldown of {model}", lines, words=["cooldowns", "--clear", model])


PROFILE_ACTS: dict[str, Callable[[Session, str], Preview]] = {"switch": _switch, "rehearse": _rehearse}
"""Acts whose preview compiles policies: `flowgate.cli.dashboard_policy` runs them in a process of its own."""
