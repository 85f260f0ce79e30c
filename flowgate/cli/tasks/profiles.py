"""The tasks of profiles: list, activate, show, compare."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, PROFILE, command, config, dry


@task(name="list", help={"json": JSON})
@command
def profile_list(c: Context, json: bool = False) -> int:
    """List the profiles, and which one is active."""
    from flowgate.cli import profiles

    return profiles.list_profiles(config(c), json)


@task(
    name="set",
    positional=["name"],
    help={"name": "a profile of the config", "if-serving": "change nothing (exit code 1) unless this profile serves"},
)
@command
def profile_set(c: Context, name: str, if_serving: str = "") -> int:
    """Activate a profile; a running LiteLLM switches without dropping a request."""
    from flowgate.cli import arguments, play

    before = arguments.named(if_serving, "a profile")
    return play.set_profile(config(c), arguments.named(name, "a profile"), before, check=dry(c))


@task(
    name="show", help={"name": PROFILE, "json": JSON, "gateways": "how many gateways serve it: what of it still holds"}
)
@command
def profile_show(c: Context, name: str = "", json: bool = False, gateways: str = "") -> int:
    """Print what a profile promises, and the settings of both programs that implement it."""
    from flowgate.cli import profiles

    return profiles.show(config(c), name, json, gateways)


@task(name="diff", positional=["old", "new"], help={"old": "one profile", "new": "the other", "json": JSON})
@command
def profile_diff(c: Context, old: str, new: str, json: bool = False) -> int:
    """Compare two profiles."""
    from flowgate.cli import arguments, profile_diff

    names = arguments.named(old, "a profile"), arguments.named(new, "a profile")
    return profile_diff.diff(config(c), *names, json)
