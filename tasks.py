"""FlowGate's tasks: the table of contents. `inv --list` shows them, `inv --help TASK` explains one."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType
from typing import Any, cast

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task


def command(body: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what a task returns or raises into an exit code, in this one place."""

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> None:
        from flowgate.cli.entrypoint import guarded

        code = guarded(functools.partial(body, *args, **kwargs))
        if code:
            raise Exit(code=code)

    # Invoke drops a task whose name and code equal those of an earlier one: the wrapped tasks need code of their own.
    wrapper = cast(FunctionType, run)
    wrapper.__code__ = wrapper.__code__.replace(co_name=f"{body.__name__}_task")
    return run


def config(c: Context) -> str:
    """Return the path after `--config`; empty where none was typed."""
    return str(c.config.get("flowgate_config", ""))


def dry(c: Context) -> bool:
    """Return whether `--dry` was typed: predict changes without making them."""
    return bool(c.config.get("flowgate_dry", False))


# A number's default is written as text: stock invoke would answer a word in its place with a traceback.
PROFILE = "a profile of the config (see `inv profile.list`); default: the active one"
WATCH = "reload when the config, or a file that it names, changes"
SERVICE = "all, litellm or cliproxyapi_plus"
JSON = "print one JSON document instead"

# --- the main job ------------------------------------------------------------------------------------------------


@task(
    help={
        "profile": PROFILE,
        "startup-timeout": "seconds to wait until the services are ready",
        "keep": "leave everything running afterwards",
        "live": "send requests to real accounts too (costs money)",
    }
)
@command
def smoke(c: Context, profile: str = "", startup_timeout: str = "120", keep: bool = False, live: bool = False) -> int:
    """Test the gateway end to end: download, render, start, wait until healthy, send real requests, stop."""
    from flowgate.cli import arguments, play

    variables = {
        "startup_timeout": arguments.seconds("startup-timeout", startup_timeout),
        "keep": keep,
        "live": live,
    }
    return play.smoke(config(c), profile, variables, check=dry(c))


@task(help={"profile": PROFILE})
@command
def up(c: Context, profile: str = "") -> int:
    """Start everything and activate a profile."""
    from flowgate.cli import play

    return play.up(config(c), profile, check=dry(c))


@task(help={"profile": PROFILE, "watch": WATCH})
@command
def run(c: Context, profile: str = "", watch: bool = False) -> int:
    """Stay in the foreground with everything up, for systemd, a container or tmux; SIGHUP reloads, SIGTERM stops."""
    from flowgate.cli import run

    return run.run(config(c), profile, watch=watch)


@task
@command
def down(c: Context) -> int:
    """Stop everything."""
    from flowgate.cli import play

    return play.run(config(c), "down", {}, check=dry(c))


@task(
    positional=["name"],
    iterable=["extra"],
    help={
        "name": "a shipped playbook's name, or the path of one",
        "extra": "variables: key=value, a YAML mapping {…}, or @FILE that holds one; may be repeated",
        "profile": PROFILE,
        "check": "check mode: predict the changes without making them",
        "diff": "show the changes in files",
        "tags": "run only tasks with these tags, separated by commas",
        "skip-tags": "leave out tasks with these tags",
        "syntax-check": "check the playbook and run nothing",
        "start-at-task": "leave out the tasks before this one: a name, a pattern, FILE:LINE or #NUMBER",
        "step": "ask before each task: (N)o, (y)es, (c)ontinue",
        "inventory": "(-i) run it on every host of this Ansible inventory",
        "limit": "only on these hosts or groups of the inventory",
        "list-tasks": "list the tasks that would run, and run nothing",
        "list-tags": "list the tags, and run nothing",
        "report-json": "write a report to this file (docs/reports.md)",
        "report-junit": "write a JUnit report to this file",
        "report-html": "write a page with a timeline to this file",
        "serial": "on how many hosts at a time: 2, or 25%; default: one after another",
    },
)
@command
def play(
    c: Context,
    name: str,
    extra: list[str] | None = None,
    profile: str = "",
    check: bool = False,
    diff: bool = False,
    tags: str = "",
    skip_tags: str = "",
    syntax_check: bool = False,
    start_at_task: str = "",
    step: bool = False,
    inventory: str = "",
    limit: str = "",
    list_tasks: bool = False,
    list_tags: bool = False,
    report_json: str = "",
    report_junit: str = "",
    report_html: str = "",
    serial: str = "",
) -> int:
    """Run a playbook, on this machine or on every host of an inventory."""
    from flowgate.cli import play

    return play.play_any(
        config(c),
        name,
        extra or [],
        profile=profile,
        check=check or dry(c),
        diff=diff,
        tags=tags,
        skip_tags=skip_tags,
        syntax_only=syntax_check,
        start_at=start_at_task,
        stepwise=step,
        listing="tasks" if list_tasks else "tags" if list_tags else "",
        reports={"json": report_json, "junit": report_junit, "html": report_html},
        fleet={"inventory": inventory, "limit": limit, "serial": serial},
    )


SCHEMA = "print the JSON Schema of playbooks, your own steps included"


@task(help={"show": "one step, with its parameters in full", "json": JSON, "schema": SCHEMA})
@command
def steps(c: Context, show: str = "", json: bool = False, schema: bool = False) -> int:
    """List the steps that playbooks are made of, your own included (`steps/` beside the config)."""
    from flowgate.cli import steps

    return steps.steps(config(c), show, json, schema)


@task(
    help={
        "profile": PROFILE,
        "all": "every profile of the config, one after another",
        "scenario": "scenarios to run, separated by commas (500, 429, hang, …); default: all",
        "litellm-only": "leave CLIProxyAPIPlus out: LiteLLM calls the fake vendors directly",
        "long": "include the checks that wait for CLIProxyAPIPlus' one-minute cooldown",
        "as-written": "use the profile exactly as written, without FlowGate's changes",
        "json": JSON,
        "report-junit": "write a JUnit report to this file",
        "report-html": "write a page with a timeline for each scenario to this file",
    }
)
@command
def rehearse(
    c: Context,
    profile: str = "",
    all: bool = False,  # noqa: A002 - invoke makes it the flag --all
    scenario: str = "",
    litellm_only: bool = False,
    long: bool = False,
    as_written: bool = False,
    json: bool = False,
    report_junit: str = "",
    report_html: str = "",
) -> int:
    """Prove a profile: simulate outages on a private copy of the gateway; exit 1 when a promise is broken."""
    from flowgate.cli import rehearse

    how: dict[str, bool | str] = {
        "every": all,
        "scenario": scenario,
        "litellm_only": litellm_only,
        "long": long,
        "as_written": as_written,
    }
    return rehearse.rehearse(config(c), profile, how, as_json=json, junit=report_junit, html=report_html)


# --- bootstrap ---------------------------------------------------------------------------------------------------


@task(
    name="download",
    help={
        "cliproxy-version": "tag of the release; default: from the config",
        "cliproxy-repo": "owner/name of the repository; default: from the config",
        "from-file": "an archive of a release, or the program itself, instead of a download",
        "offline": "do not use the network",
        "allow-unverified": "install without a checksum",
        "source": "a known source by its name (see `inv bootstrap.sources`), instead of cliproxy-repo",
    },
)
@command
def bootstrap_download(
    c: Context,
    cliproxy_version: str = "",
    cliproxy_repo: str = "",
    from_file: str = "",
    offline: bool = False,
    allow_unverified: bool = False,
    source: str = "",
) -> int:
    """Install CLIProxyAPIPlus for this platform, and write the LiteLLM runner."""
    from flowgate.cli import play

    typed = {"version": cliproxy_version, "repo": cliproxy_repo, "from_file": from_file, "source": source}
    return play.run(
        config(c),
        "bootstrap-download",
        {**typed, "offline": offline, "allow_unverified": allow_unverified},
        event="bootstrap_download",
        check=dry(c),
    )


@task(name="sources", help={"json": JSON})
@command
def bootstrap_sources(c: Context, json: bool = False) -> int:
    """List where CLIProxyAPIPlus can be had, and what each source changes for the promises."""
    from flowgate.cli import bootstrap_sources

    return bootstrap_sources.print_sources(json)


@task(name="rollback")
@command
def bootstrap_rollback(c: Context) -> int:
    """Restore the previously installed CLIProxyAPIPlus."""
    from flowgate.cli import play

    return play.run(config(c), "bootstrap-rollback", {}, event="bootstrap_rollback", check=dry(c))


# --- versions of LiteLLM -----------------------------------------------------------------------------------------


@task(name="list", help={"offline": "do not ask the package index", "json": JSON})
@command
def litellm_list(c: Context, offline: bool = False, json: bool = False) -> int:
    """List the versions of LiteLLM: installed, in force, on offer; and why some are not taken."""
    from flowgate.cli import litellm_list

    return litellm_list.list_versions(config(c), offline, json)


@task(
    name="upgrade",
    help={
        "to": "version of LiteLLM; default: the newest that is allowed",
        "wheelhouse": "a folder of wheels, instead of the index",
        "offline": "do not use the network",
        "accept-broken": "upgrade although promises are broken",
        "scenario": "rehearse only these scenarios, separated by commas; default: all",
        "prepare": "install, rehearse and import it, without handing over",
        "json": JSON,
    },
)
@command
def litellm_upgrade(
    c: Context,
    to: str = "",
    wheelhouse: str = "",
    offline: bool = False,
    accept_broken: bool = False,
    scenario: str = "",
    prepare: bool = False,
    json: bool = False,
) -> int:
    """Install another LiteLLM, rehearse every profile on it, and hand over to it without dropping a request."""
    from flowgate.cli import litellm_upgrade

    how: dict[str, str | bool] = {"version": to, "wheelhouse": wheelhouse, "offline": offline, "scenario": scenario}
    how |= {"accept_broken": accept_broken, "prepare_only": prepare}
    return litellm_upgrade.upgrade(config(c), how, as_json=json, check=dry(c))


@task(name="rollback")
@command
def litellm_rollback(c: Context) -> int:
    """Hand back to the LiteLLM that served before the last upgrade, without dropping a request."""
    from flowgate.cli import litellm_upgrade

    return litellm_upgrade.roll_back(config(c), check=dry(c))


# --- services ----------------------------------------------------------------------------------------------------


@task(help={"service": SERVICE})
@command
def start(c: Context, service: str = "all") -> int:
    """Start services and wait until they are ready."""
    from flowgate.cli import arguments, play

    named = {"service": arguments.service(service)}
    return play.run(config(c), "service-start", named, profile="", check=dry(c))


@task(help={"service": SERVICE})
@command
def stop(c: Context, service: str = "all") -> int:
    """Stop services with their whole process trees."""
    from flowgate.cli import arguments, play

    return play.run(config(c), "down", {"service": arguments.service(service)}, check=dry(c))


@task(help={"service": SERVICE, "now": "do not wait for running requests in CLIProxyAPIPlus: cut them"})
@command
def restart(c: Context, service: str = "all", now: bool = False) -> int:
    """Restart services without cutting a request: LiteLLM by a hand-over, CLIProxyAPIPlus when it is idle."""
    from flowgate.cli import arguments, play

    name = arguments.service(service)
    return play.run(config(c), "service-restart", {"service": name, "now": now}, profile="", check=dry(c))


@task(help={"service": SERVICE, "watch": "wait until the older generation has ended, and print what changes"})
@command
def reload(c: Context, service: str = "all", watch: bool = False) -> int:
    """Apply changed settings without cutting a request; CLIProxyAPIPlus rereads its file."""
    from flowgate.cli import arguments, play

    return play.reload(config(c), arguments.service(service), watch, check=dry(c))


@task
@command
def recover(c: Context) -> int:
    """Replace a supervisor that does not answer; its services serve all the time."""
    from flowgate.cli import recover

    return recover.recover(config(c))


@task(
    positional=["name"],
    help={
        "name": "litellm, cliproxyapi_plus or supervisor",
        "lines": "how many lines",
        "follow": "keep printing until Ctrl-C",
    },
)
@command
def logs(c: Context, name: str, lines: str = "50", follow: bool = False) -> int:
    """Print the last lines of a service's log."""
    from flowgate.cli import arguments, logs

    return logs.logs(config(c), arguments.named(name, "a service"), arguments.count("lines", lines), follow)


WHERE = {"name": "name of the service", "system": "a service of the whole system, not of your user"}


@task(
    name="install",
    help={
        **WHERE,
        "profile": PROFILE,
        "watch": WATCH,
        "force": "replace a file that is not FlowGate's, or was edited by hand",
    },
)
@command
def service_install(
    c: Context,
    name: str = "flowgate",
    system: bool = False,
    profile: str = "",
    watch: bool = False,
    force: bool = False,
) -> int:
    """Start FlowGate at boot: write a systemd unit, or a launchd plist, and start it."""
    from flowgate.cli import service_install

    return service_install.install(config(c), (name, system), profile, watch=watch, force=force, check=dry(c))


@task(name="uninstall", help={**WHERE, "force": "delete a file that was edited by hand"})
@command
def service_uninstall(c: Context, name: str = "flowgate", system: bool = False, force: bool = False) -> int:
    """Stop what `service install` started, and delete its file."""
    from flowgate.cli import service_install

    return service_install.uninstall(config(c), (name, system), force=force, check=dry(c))


# --- profiles ----------------------------------------------------------------------------------------------------


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

    variables = {"if_serving": arguments.named(if_serving, "a profile")}
    return play.run(config(c), "switch-profile", variables, profile=arguments.named(name, "a profile"), check=dry(c))


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
    from flowgate.cli import arguments, profiles

    names = arguments.named(old, "a profile"), arguments.named(new, "a profile")
    return profiles.diff(config(c), *names, json)


# --- accounts ----------------------------------------------------------------------------------------------------


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
    from flowgate.cli import accounts, arguments

    waits = {
        "timeout": arguments.seconds("timeout", timeout),
        "poll_interval": arguments.seconds("poll-interval", poll_interval),
    }
    more = {"open": open, "redirect_url": redirect_url, "project": project}
    return accounts.login(config(c), arguments.named(provider, "a provider"), **waits, **more)


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
    from flowgate.cli import accounts, arguments

    return accounts.import_headless(config(c), arguments.named(provider, "a provider"), source, dest_dir, borrow)


# --- state -----------------------------------------------------------------------------------------------------


@task(help={"json": JSON})
@command
def status(c: Context, json: bool = False) -> int:
    """Print the active profile and every service; never calls a model."""
    from flowgate.cli import status

    return status.status(config(c), json)


@task(help={"json": JSON})
@command
def stacks(c: Context, json: bool = False) -> int:
    """List every FlowGate of yours that runs: config, profile, addresses, and how to reach it."""
    from flowgate.cli import stacks

    return stacks.stacks(json)


@task(help={"json": JSON})
@command
def health(c: Context, json: bool = False) -> int:
    """Print liveness and readiness of every service; exit 1 when a service is not ready."""
    from flowgate.cli import health

    return health.health(config(c), json)


@task(
    help={
        "lines": "how many lines",
        "follow": "keep printing until Ctrl-C",
        "service": "only of this service",
        "event": "only of this kind",
        "since": "only newer ones: 10m, 2h, 1d or a timestamp",
        "json": "the lines as they are stored, one JSON object each",
    }
)
@command
def events(
    c: Context,
    lines: str = "20",
    follow: bool = False,
    service: str = "",
    event: str = "",
    since: str = "",
    json: bool = False,
) -> int:
    """Print the event log."""
    from flowgate.cli import arguments, event_log

    return event_log.events(config(c), arguments.count("lines", lines), follow, service, event, since, json)


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


@task(
    help={
        "open": "open the page in your browser instead of printing the link",
        "port": "the port on 127.0.0.1 of a dashboard that is started; 0: a free one",
        "stop": "stop the dashboard",
        "keep": "let it run when nobody looks: Prometheus reads /metrics (give it a port)",
        "json": JSON,
    }
)
@command
def dashboard(
    c: Context,
    open: bool = False,  # noqa: A002 - a flag
    port: str = "0",
    stop: bool = False,
    keep: bool = False,
    json: bool = False,
) -> int:
    """Print a link, which works once, to a page that shows the state, requests, usage, accounts and events."""
    from flowgate.cli import dashboard

    return dashboard.run(config(c), port, dashboard.How(open, stop, keep), json)


@task(help={"allow-changes": "also offer tools that switch profiles, end cooldowns and restart services"})
@command
def mcp(c: Context, allow_changes: bool = False) -> int:
    """Let an agent read the state over stdin and stdout, by the Model Context Protocol."""
    from flowgate.cli import mcp_server

    return mcp_server.serve(config(c), allow_changes)


@task(help={"warn-at": "exit with 1 if an account has used this percentage of a limit", "json": JSON})
@command
def quota(c: Context, warn_at: str = "", json: bool = False) -> int:
    """Print what is left of the limits of each account, and when they end; no vendor is asked."""
    from flowgate.cli import quota

    return quota.show(config(c), warn_at, json)


@task(help={"interval": "seconds between two frames", "once": "print one frame; also into a file or pipe"})
@command
def top(c: Context, interval: str = "2", once: bool = False) -> int:
    """Show the gateway live: services, requests per second, latency, cooldowns, spend and events; q ends it."""
    from flowgate.cli import arguments, top

    return top.run(config(c), arguments.seconds("interval", interval), once)


@task(help={"clear": "end the cooldown of this model or account", "json": JSON})
@command
def cooldowns(c: Context, clear: str = "", json: bool = False) -> int:
    """Print which models and accounts are in cooldown, in which program, why, and for how long."""
    from flowgate.cli import arguments, cooldowns

    return cooldowns.show(config(c), arguments.named(clear, "a model"), json)


@task(name="path", help={"json": JSON})
@command
def key_path(c: Context, json: bool = False) -> int:
    """Print the path of the gateway's key; clients use `$(cat …)`."""
    from flowgate.cli import logs

    return logs.key_path(config(c), json)


# --- clients -----------------------------------------------------------------------------------------------------


@task(name="list", help={"json": JSON})
@command
def client_list(c: Context, json: bool = False) -> int:
    """List the clients that have a key of their own, and what each may do."""
    from flowgate.cli import clients

    return clients.list_clients(config(c), json)


CHECK = "predict the changes without making them"
EXPIRES = "when the key expires: a duration (12h, 30d) or a time; default: never"


@task(
    name="add",
    positional=["name"],
    help={
        "name": "a name for the client: letters, digits, '.', '_', '@', '-'",
        "program": "write the configuration of this program: codex, claude-code, opencode, …",
        "model": "a model of the profile for the program's main work; default: the one that model_names gives",
        "small-model": "a model for its background work; default: the one that model_names gives",
        "print": "print the program's configuration, with a new key, instead of writing it",
        "check": CHECK,
        "diff": "show the lines that change in files",
        "models": "names or patterns of the models that it may ask, separated by commas; default: all",
        "requests-per-minute": "requests that it may send in a minute; default: any number",
        "max-parallel": "requests that it may have in progress at once; default: any number",
        "expires": EXPIRES,
    },
)
@command
def client_add(
    c: Context,
    name: str,
    program: str = "",
    model: str = "",
    small_model: str = "",
    print: bool = False,  # noqa: A002 - the flag is --print
    check: bool = False,
    diff: bool = False,
    models: str = "",
    requests_per_minute: str = "",
    max_parallel: str = "",
    expires: str = "",
) -> int:
    """Make a key for one client: print it once, or write it into the configuration of its program."""
    from flowgate.cli import client_commands, client_plan

    limits = {"models": models, "requests_per_minute": requests_per_minute, "max_parallel": max_parallel}
    how = client_plan.How(model, small_model, check or dry(c), diff, print)
    return client_commands.add(config(c), name, {**limits, "expires": expires}, program, how)


@task(
    name="remove",
    positional=["name"],
    help={"name": "the client's name", "check": CHECK, "diff": "show the lines that change in files"},
)
@command
def client_remove(c: Context, name: str, check: bool = False, diff: bool = False) -> int:
    """Remove a client: its key is void at once, and what was written for its program is taken back."""
    from flowgate.cli import client_commands

    return client_commands.remove(config(c), name, check=check or dry(c), diff=diff)


@task(name="rotate", positional=["name"], help={"name": "the client's name", "expires": EXPIRES})
@command
def client_rotate(c: Context, name: str, expires: str = "") -> int:
    """Replace the key of a client, and print the new one once."""
    from flowgate.cli import client_commands

    return client_commands.rotate(config(c), name, expires)


@task(positional=["shell"], help={"shell": "bash, zsh or fish"})
@command
def completion(c: Context, shell: str) -> int:
    """Print a shell's completion script for `flowgate`."""
    from flowgate.cli import arguments, completion

    return completion.script(arguments.named(shell, "a shell"))


# --- exports -----------------------------------------------------------------------------------------------------

EXPORT = {
    "to": "the folder to write into",
    "profile": "export this profile only; default: all profiles of the config",
    "check": CHECK,
    "diff": "show the lines that change in files",
}
IMAGES = {
    "image": "FlowGate's image, with a digest: REGISTRY/NAME@sha256:…",
    "southbound-image": "CLIProxyAPIPlus' image, with a digest; needed if the config has one",
    "proxy-image": "HAProxy's image, with a digest",
    "southbound-program": "path of CLIProxyAPIPlus in its image; default: /CLIProxyAPI/CLIProxyAPIPlus",
    "redis": "HOST:PORT of the Redis that all gateways share; its password is the variable REDIS_PASSWORD",
    "gateways": "how many gateways run; on Kubernetes, at least",
}


@task(name="kubernetes", help={**EXPORT, **IMAGES})
@command
def export_kubernetes(
    c: Context,
    to: str = "",
    profile: str = "",
    image: str = "",
    southbound_image: str = "",
    proxy_image: str = "",
    southbound_program: str = "",
    redis: str = "",
    gateways: str = "2",
    check: bool = False,
    diff: bool = False,
) -> int:
    """Write the gateway as a kustomize base, with an overlay for each profile."""
    from flowgate.cli import export

    options = {"image": image, "southbound-image": southbound_image, "proxy-image": proxy_image, "redis": redis}
    options |= {"southbound-program": southbound_program, "gateways": gateways}
    return export.export(config(c), "kubernetes", export.ExportRequest(to, profile, check or dry(c), diff, options))


@task(name="compose", help={**EXPORT, **IMAGES, "redis-image": "Redis' image, with a digest; needed without --redis"})
@command
def export_compose(
    c: Context,
    to: str = "",
    profile: str = "",
    image: str = "",
    southbound_image: str = "",
    proxy_image: str = "",
    redis_image: str = "",
    southbound_program: str = "",
    redis: str = "",
    gateways: str = "2",
    check: bool = False,
    diff: bool = False,
) -> int:
    """Write the gateway as a Compose project for each profile: gateways behind an HAProxy, with one Redis."""
    from flowgate.cli import export

    options = {"image": image, "southbound-image": southbound_image, "proxy-image": proxy_image, "redis": redis}
    options |= {"southbound-program": southbound_program, "gateways": gateways, "redis-image": redis_image}
    return export.export(config(c), "compose", export.ExportRequest(to, profile, check or dry(c), diff, options))


@task(
    name="systemd", help={**EXPORT, "user": "write a system unit that runs as this user; default: a unit of your own"}
)
@command
def export_systemd(
    c: Context, to: str = "", profile: str = "", user: str = "", check: bool = False, diff: bool = False
) -> int:
    """Write a systemd unit that runs the gateway on this host."""
    from flowgate.cli import export

    return export.export(config(c), "systemd", export.ExportRequest(to, profile, check or dry(c), diff, {"user": user}))


@task(name="ansible", help={"to": EXPORT["to"], "check": CHECK, "diff": EXPORT["diff"]})
@command
def export_ansible(c: Context, to: str = "", check: bool = False, diff: bool = False) -> int:
    """Write FlowGate's steps and playbooks as modules of an Ansible collection, `flowgate.gateway`."""
    from flowgate.cli import export_ansible

    return export_ansible.export(to, check=check or dry(c), diff=diff)


# --- several hosts -----------------------------------------------------------------------------------------------


@task(
    name="status",
    help={"inventory": "(-i) the Ansible inventory", "limit": "only these hosts or groups of it", "json": JSON},
)
@command
def fleet_status(c: Context, inventory: str = "", limit: str = "", json: bool = False) -> int:
    """Print the state of every gateway of an inventory in one table; exit 1 when one is not healthy."""
    from flowgate.cli import fleet_status

    return fleet_status.status(inventory, limit, json)


# --- client programs ---------------------------------------------------------------------------------------------


@task(
    name="run",
    positional=["program"],
    iterable=["words"],
    help={
        "program": "codex, claude-code, opencode, … (see `inv client.list`)",
        "words": "the program's own words, handed on as they are",
        "model": "a model of the profile for the main work; default: the one that model_names gives",
        "small-model": "a model for background work; default: the one that model_names gives",
    },
)
@command
def client_run(c: Context, program: str, words: list[str] | None = None, model: str = "", small_model: str = "") -> int:
    """Start a client program against the gateway, with a key that ends with it; no file is touched."""
    from flowgate.cli import arguments, client_run

    name = arguments.named(program, "a client program")
    return client_run.run(config(c), name, words or [], model, small_model)


@task(
    name="test",
    positional=["program"],
    help={
        "program": "codex, claude-code, opencode, …",
        "question": "what to ask, in quotes; default: a greeting",
        "timeout": "seconds until the program is ended",
        "run": "lead it to the gateway as client.run does, not by its own files as client.add does",
        "json": JSON,
    },
)
@command
def client_test(
    c: Context, program: str, question: str = "", timeout: str = "120", run: bool = False, json: bool = False
) -> int:
    """Run a client program once through the gateway, in a home of its own; exit 1 when it is not answered."""
    from flowgate.cli import arguments, client_test

    name, seconds = arguments.named(program, "a client program"), arguments.seconds("timeout", timeout)
    return client_test.test(config(c), name, question, seconds, run, json)


# --- preflight and security --------------------------------------------------------------------------------------


@task(
    help={
        "southbound": "none, cliproxyapi-plus or embedded: what answers LiteLLM; default: ask on a terminal",
        "source": "where CLIProxyAPIPlus is installed from (see `inv bootstrap.sources`)",
        "here": "write into ./config, not into your config folder (in a checkout: always ./config)",
    }
)
@command
def init(c: Context, southbound: str = "", source: str = "", here: bool = False) -> int:
    """Write your own config from the examples, with fresh random keys."""
    from flowgate.cli import init as config

    return config.init(southbound, source, here)


OPENED_BY = "a private file (0600) with the passphrase; default: ask at a terminal, else the first line of stdin"


@task(positional=["file"], help={"file": "the file to write", "passphrase-file": OPENED_BY, "force": "replace it"})
@command
def backup(c: Context, file: str, passphrase_file: str = "", force: bool = False) -> int:
    """Write accounts, secrets, config and ledger into one encrypted file; the gateway may run meanwhile."""
    from flowgate.cli import arguments, backup

    return backup.backup(config(c), arguments.named(file, "a file"), passphrase_file, force, check=dry(c))


@task(
    positional=["file"],
    help={
        "file": "a file that `inv backup` wrote",
        "passphrase-file": OPENED_BY,
        "force": "replace what exists, and keep it aside",
    },
)
@command
def restore(c: Context, file: str, passphrase_file: str = "", force: bool = False) -> int:
    """Restore a backup while the gateway is stopped; all of it or nothing."""
    from flowgate.cli import arguments, restore

    return restore.restore(config(c), arguments.named(file, "a file"), passphrase_file, force, check=dry(c))


@task(help={"accounts": "delete accounts, secrets and config too", "yes": "delete it; without: only show it"})
@command
def uninstall(c: Context, accounts: bool = False, yes: bool = False) -> int:
    """Show what FlowGate has written, and with --yes delete it; take back what client programs were given."""
    from flowgate.cli import uninstall

    return uninstall.uninstall(config(c), accounts, yes and not dry(c))


@task(help={"fix": "first fix permissions, missing folders and leftovers", "json": JSON})
@command
def doctor(c: Context, fix: bool = False, json: bool = False) -> int:
    """Check everything that a start needs; exit 1 when something is wrong."""
    from flowgate.cli import doctor as preflight

    return preflight.doctor(config(c), fix, json)


@task(name="check", help={"json": JSON})
@command
def security_check(c: Context, json: bool = False) -> int:
    """Check whether a secret could leak; exit 1 when one could."""
    from flowgate.cli import security

    return security.check(config(c), json)


@task(name="install-hook")
@command
def security_hook(c: Context) -> int:
    """Write a git hook that refuses a push while `security check` fails."""
    from flowgate.cli import security

    return security.install_hook()


# --- FlowGate's own development: listed in a checkout only ---------------------------------------------------------


@task(
    help={
        "long": "the full numbers too (minutes)",
        "cov": "measure the coverage; fails below the floor",
        "junit": "write a JUnit report to this file",
        "args": "for pytest",
        "litellm": "run the live tests over this release of LiteLLM, in a copy of the checkout",
    }
)
@command
def test(c: Context, long: bool = False, cov: bool = False, junit: str = "", args: str = "", litellm: str = "") -> int:
    """Run the tests."""
    from dev import tasks

    return tasks.test(long, cov, junit, args, litellm)


@task
@command
def lint(c: Context) -> int:
    """Check style, format and which package imports which."""
    from dev import tasks

    return tasks.lint()


@task(name="format")
@command
def format_code(c: Context) -> int:
    """Fix style and format."""
    from dev import tasks

    return tasks.format_code()


@task
@command
def typecheck(c: Context) -> int:
    """Check types."""
    from dev import tasks

    return tasks.typecheck()


@task(name="docs", help={"check": "only report stale pages", "site": "build the site from docs/ into site/"})
@command
def docs_pages(c: Context, check: bool = False, site: bool = False) -> int:
    """Write the generated pages of docs/."""
    from dev import tasks

    return tasks.docs(check, site)


@task
@command
def ci(c: Context) -> int:
    """Run what CI runs: lint, types, generated pages, tests."""
    from dev import tasks

    return tasks.ci()


@task(
    help={"only": "one benchmark by name", "pairs": "alternating runs of each side", "json": "write JSON to this file"}
)
@command
def bench(c: Context, only: str = "", pairs: str = "7", json: str = "") -> int:
    """Measure speed and memory as ratios to a baseline of the same run."""
    from dev import tasks
    from flowgate.cli import arguments

    return tasks.bench(only, arguments.count("pairs", pairs), json)


@task
@command
def build(c: Context) -> int:
    """Build the wheel and the source archive."""
    from dev import tasks

    return tasks.build()


@task(help={"quick": "leave out the tests and the smoke"})
@command
def release(c: Context, quick: bool = False) -> int:
    """Check whether this commit can be released, and print the commands; it tags and pushes nothing."""
    from dev import release as releasing

    return releasing.release(quick)


@task
@command
def clean(c: Context) -> int:
    """Delete caches and build output; never `.router/`, never the environment."""
    from dev import tasks

    return tasks.clean()


def _named(**members: Any) -> Iterator[Collection]:
    for name, tasks in members.items():
        collection = Collection(name)
        for one in tasks:
            collection.add_task(one)
        yield collection


TOP: tuple[Any, ...] = (
    *(smoke, up, down, run, play, rehearse, steps),
    *(status, top, stacks, health, ask, explain, usage, quota, audit, dashboard, mcp, budgets, cooldowns),
    *(init, doctor, backup, restore, uninstall, events, completion),
)
DEVELOPMENT: tuple[Any, ...] = (test, lint, format_code, typecheck, docs_pages, ci, bench, build, release, clean)

ns = Collection()
for one in (*TOP, *(DEVELOPMENT if Path(__file__).with_name("dev").is_dir() else ())):
    ns.add_task(one)
for collection in _named(
    bootstrap=(bootstrap_sources, bootstrap_download, bootstrap_rollback),
    litellm=(litellm_list, litellm_upgrade, litellm_rollback),
    service=(start, stop, restart, reload, recover, logs, service_install, service_uninstall),
    profile=(profile_list, profile_set, profile_show, profile_diff),
    auth=(auth_list, auth_status, login, import_headless),
    key=(key_path,),
    client=(client_list, client_add, client_remove, client_rotate, client_run, client_test),
    security=(security_check, security_hook),
    export=(export_kubernetes, export_compose, export_systemd, export_ansible),
    fleet=(fleet_status,),
):
    ns.add_collection(collection)

if "invoke.main" in sys.modules:  # stock invoke is loading this file
    from flowgate.cli.stock_invoke import take_over

    take_over(sys.modules["invoke.main"].program)
