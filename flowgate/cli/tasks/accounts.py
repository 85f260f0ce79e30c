"""The tasks of accounts: providers, state, login, import."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, command, config


@task(name="list", help={"json": JSON})
@command
def auth_list(c: Context, json: bool = False) -> int:
    """List the providers, and what the installed program can do with each."""
    from flowgate.cli import provider_list

    return provider_list.list_providers(config(c), json)


@task(name="status", help={"json": JSON})
@command
def auth_status(c: Context, json: bool = False) -> int:
    """Print every account: owner, expiry and state; never a token."""
    from flowgate.cli import accounts

    return accounts.status(config(c), json)


@task(
    positional=["provider"],
    help={
        "provider": "codex, copilot, claude, … (see `inv auth.list`)",
        "timeout": "seconds to finish in the browser",
        "poll-interval": "seconds between two checks",
        "open": "open the address in a browser",
        "redirect-url": "the address where the browser ended, for a login that waits in another terminal",
        "project": "the Google Cloud project, for gemini",
    },
)
@command
def login(
    c: Context,
    provider: str,
    timeout: str = "300",
    poll_interval: str = "2",
    open: bool = False,  # noqa: A002 - invoke makes it the flag --open
    redirect_url: str = "",
    project: str = "",
) -> int:
    """Log in to a provider; succeeds only once the account works."""
    from flowgate.cli import arguments, logins

    waits = {
        "timeout": arguments.seconds("timeout", timeout),
        "poll_interval": arguments.seconds("poll-interval", poll_interval),
    }
    more = {"open": open, "redirect_url": redirect_url, "project": project}
    return logins.login(config(c), arguments.named(provider, "a provider"), **waits, **more)


@task(
    name="import-headless",
    positional=["provider"],
    help={
        "provider": "codex or claude",
        "source": "its login file; default: where its own program keeps it",
        "dest-dir": "the auth folder; default: FlowGate's own",
        "borrow": "leave the refresh token out: works until it expires, and the other program stays logged in",
    },
)
@command
def import_headless(c: Context, provider: str, source: str = "", dest_dir: str = "", borrow: bool = False) -> int:
    """Import a login that a provider's own program holds on this machine."""
    from flowgate.cli import arguments, logins

    return logins.import_headless(config(c), arguments.named(provider, "a provider"), source, dest_dir, borrow)
