"""The tasks about requests: ask one, explain, count, compare with the promises, limits and cooldowns."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, command, config, dry


@task(
    positional=["question"],
    help={
        "question": "what to ask, in quotes",
        "model": "a model of the profile; default: its first",
        "stream": "print the answer as it arrives",
        "json": JSON,
    },
)
@command
def ask(c: Context, question: str, model: str = "", stream: bool = False, json: bool = False) -> int:
    """Ask one question through the gateway; print the answer, which deployment gave it, and why."""
    from flowgate.cli import ask

    return ask.ask(config(c), question, model, stream, json)


@task(
    help={
        "last": "how many requests; default: 1, or 20 with a filter",
        "id": "one request, by the beginning of its id",
        "failed": "only requests that failed",
        "slow": "the slowest requests instead of the last ones",
        "since": "only requests since then: 10m, 2h, 1d, or a time",
        "json": JSON,
    }
)
@command
def explain(
    c: Context,
    last: str = "",
    id: str = "",  # noqa: A002 - makes the flag --id
    failed: bool = False,
    slow: bool = False,
    since: str = "",
    json: bool = False,
) -> int:
    """Explain who served a request and why: deployment, retries, fallbacks, times, cost, current cooldowns."""
    from flowgate.cli import explain

    return explain.explain(config(c), explain.read_wanted(last, id, failed, slow, since), json)


@task(
    help={
        "by": "model, deployment, client, profile, provider, account, day, hour or status",
        "since": "beginning: 7d, 2h, or a time (2026-01-31T12:00:00Z)",
        "until": "end, in the same forms; default: now",
        "json": JSON,
        "csv": "print CSV instead",
    }
)
@command
def usage(
    c: Context, by: str = "model", since: str = "7d", until: str = "", json: bool = False, csv: bool = False
) -> int:
    """Print how much was asked, what failed, how long it took and what it cost, from the ledger."""
    from flowgate.cli import arguments, usage

    return usage.show(config(c), by, since, until, arguments.one_form(json=json, csv=csv))


@task(
    help={
        "since": "beginning: 24h, 7d, or a time (2026-01-31T12:00:00Z)",
        "until": "end, in the same forms; default: now",
        "profile": "only what this profile served; default: all",
        "json": JSON,
        "report-html": "write the result as a page to this file",
    }
)
@command
def audit(
    c: Context, since: str = "24h", until: str = "", profile: str = "", json: bool = False, report_html: str = ""
) -> int:
    """Compare live traffic with the promises of the profile that served: exit code 1 if one is broken."""
    from flowgate.cli import audit

    return audit.show(config(c), since, until, profile, as_json=json, html=report_html, keep=not dry(c))


@task(help={"warn-at": "exit with 1 if a budget has reached this percentage", "json": JSON})
@command
def budgets(c: Context, warn_at: str = "", json: bool = False) -> int:
    """Print the budgets: what was spent, what is left, when the day or month ends, and what happens then."""
    from flowgate.cli import budgets

    return budgets.show(config(c), warn_at, json)


@task(help={"warn-at": "exit with 1 if an account has used this percentage of a limit", "json": JSON})
@command
def quota(c: Context, warn_at: str = "", json: bool = False) -> int:
    """Print what is left of the limits of each account, and when they end; no vendor is asked."""
    from flowgate.cli import quota

    return quota.show(config(c), warn_at, json)


@task(help={"clear": "end the cooldown of this model or account", "json": JSON})
@command
def cooldowns(c: Context, clear: str = "", json: bool = False) -> int:
    """Print which models and accounts are in cooldown, in which program, why, and for how long."""
    from flowgate.cli import arguments, show_cooldowns

    return show_cooldowns.show(config(c), arguments.named(clear, "a model"), json)
