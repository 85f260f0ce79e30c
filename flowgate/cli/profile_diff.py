"""The command `profile diff`: which promises and settings of two profiles differ."""

from __future__ import annotations

from flowgate.cli import console
from flowgate.cli.policies import policy_of, shown, shown_upstream
from flowgate.cli.session import Session, open_session


def diff(config: str, old: str, new: str, as_json: bool = False) -> int:
    """Print which promises differ, and a unified diff of the settings; return 0 whether or not they differ.

    Args:
        config: Path after `--config`; empty to search for the config.
        old: One profile.
        new: The other.
        as_json: Print one JSON document.

    Raises:
        UnknownName: There is no such profile.
    """
    from flowgate.gateway import policy_summary

    session = open_session(config)
    lines = settings_diff(session, old, new)
    before, after = (policy_summary.describe(policy_of(session, one)) for one in (old, new))
    ends, begins = [one for one in before if one not in after], [one for one in after if one not in before]
    if as_json:
        promises = {"promises_that_end": ends, "promises_that_begin": begins}
        console.document({"old": old, "new": new, "same": not lines, **promises, "lines": lines})
        return 0
    told = [*(f"# - {one}" for one in ends), *(f"# + {one}" for one in begins)]
    for line in [*(["# promises:", *told, "# settings:"] if told else []), *lines]:
        console.data(line)
    if not lines:
        console.note(f"{old} and {new} have the same settings")
    return 0


def settings_diff(session: Session, old: str, new: str) -> list[str]:
    """Return a unified diff of the settings of two profiles, without secrets.

    Args:
        session: The session of this command.
        old: One profile.
        new: The other.

    Raises:
        UnknownName: There is no such profile.
    """
    import difflib

    before, after = (
        [*shown(policy.litellm).splitlines(), "# CLIProxyAPIPlus:", *shown_upstream(policy)]
        for policy in (policy_of(session, old), policy_of(session, new))
    )
    return list(difflib.unified_diff(before, after, fromfile=old, tofile=new, lineterm="", n=2))
