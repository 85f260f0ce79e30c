"""FlowGate's tasks: the table of contents. `inv --list` shows them, `inv --help TASK` explains one."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task


def command(body: Callable[..., int | None]) -> Callable[..., None]:
    """Turn what a task gives or refuses into an exit code, in this one place."""

    @functools.wraps(body)
    def run(*args: Any, **kwargs: Any) -> None:
        from flowgate.cli.entrypoint import guarded

        if any(word in ("--help", "-h") for word in (*args[1:], *kwargs.values()) if isinstance(word, str)):
            from flowgate.cli.help import help_of

            raise Exit(code=help_of(ns, body))  # stock invoke took the flag for a name
        code = guarded(functools.partial(body, *args, **kwargs))
        if code:
            raise Exit(code=code)

    return run


# A number's default is written as text: stock invoke would answer a word in its place with a traceback.
PROFILE = "a profile of the config (see `inv profile.list`); the one in force when absent"
SERVICE = "all, litellm or cliproxyapi_plus"
JSON = "print one JSON document instead"

# --- the main job ------------------------------------------------------------------------------------------------


@task(
    help={
        "profile": PROFILE,
        "startup-timeout": "seconds to wait until the services are ready",
        "keep": "leave everything running afterwards",
        "live": "ask real accounts for model answers too (costs money)",
    }
)
@command
def smoke(c: Context, profile: str = "", startup_timeout: str = "120", keep: bool = False, live: bool = False) -> int:
    """Prove the gateway: download, render, start, wait healthy, ask real questions, stop."""
    from flowgate.cli import entrypoint

    return entrypoint.smoke(profile, entrypoint.seconds("startup-timeout", startup_timeout), keep, live)


@task(help={"profile": PROFILE})
@command
def up(c: Context, profile: str = "") -> int:
    """Bring everything up and put a profile in force."""
    from flowgate.cli import entrypoint

    return entrypoint.play("up", {}, profile=profile)


@task
@command
def down(c: Context) -> int:
    """Take everything down."""
    from flowgate.cli import entrypoint

    return entrypoint.play("down", {})


@task(
    positional=["name"],
    iterable=["extra"],
    help={
        "name": "a shipped playbook's name, or the path of one",
        "extra": "variables: key=value, a YAML mapping {…}, or @FILE that holds one; may be repeated",
        "check": "look only: say what would be done, and what cannot be foretold",
        "diff": "show what differs in the files that are written, or would be",
        "tags": "run only tasks with these tags, separated by commas",
        "skip-tags": "leave out tasks with these tags",
        "syntax-check": "check the playbook and run nothing",
        "start-at-task": "leave out the tasks before this one: a name, a pattern, FILE:LINE or #NUMBER",
        "step": "ask before each task: (N)o, (y)es, (c)ontinue",
        "list-tasks": "list the tasks that would run, and run nothing",
        "list-tags": "list the tags, and run nothing",
        "report-json": "write a report to this file (docs/reports.md)",
        "report-junit": "write a JUnit report to this file",
        "report-html": "write a page with a timeline to this file",
    },
)
@command
def play(
    c: Context,
    name: str,
    extra: list[str] | None = None,
    check: bool = False,
    diff: bool = False,
    tags: str = "",
    skip_tags: str = "",
    syntax_check: bool = False,
    start_at_task: str = "",
    step: bool = False,
    list_tasks: bool = False,
    list_tags: bool = False,
    report_json: str = "",
    report_junit: str = "",
    report_html: str = "",
) -> int:
    """Run a playbook."""
    from flowgate.cli import entrypoint

    return entrypoint.play_any(
        name,
        extra or [],
        check=check,
        diff=diff,
        tags=tags,
        skip_tags=skip_tags,
        syntax_only=syntax_check,
        start_at=start_at_task,
        stepwise=step,
        listing="tasks" if list_tasks else "tags" if list_tags else "",
        reports={"json": report_json, "junit": report_junit, "html": report_html},
    )


SCHEMA = "print the JSON Schema of playbooks, your own steps among the words"


@task(help={"show": "one step, with its parameters in full", "json": JSON, "schema": SCHEMA})
@command
def steps(c: Context, show: str = "", json: bool = False, schema: bool = False) -> int:
    """List the steps that playbooks are made of, your own too (`steps/` beside the config)."""
    from dev import reference_pages

    return reference_pages.steps(show, json, schema)


@task(
    help={
        "profile": PROFILE,
        "all": "every profile of the config, one after another",
        "scenario": "some of: 500, 429, hang, … separated by commas (all when absent)",
        "litellm-only": "leave CLIProxyAPIPlus out: LiteLLM asks the vendors itself",
        "long": "also what has to wait for CLIProxyAPIPlus' own minute",
        "as-written": "the profile as it is written, without what FlowGate makes of it",
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
    """Prove a profile: play what can go wrong over a private copy of it; exit 1 when a promise is broken."""
    from flowgate.cli import rehearse

    how = {"every": all, "scenario": scenario, "litellm_only": litellm_only, "long": long, "as_written": as_written}
    return rehearse.rehearse(profile, how, as_json=json, junit=report_junit, html=report_html)


# --- bootstrap ---------------------------------------------------------------------------------------------------


@task(
    name="download",
    help={
        "cliproxy-version": "the release's tag; the config's when absent",
        "cliproxy-repo": "owner/name of the repository; the config's when absent",
        "from-file": "an archive of a release, or the program itself, instead of a download",
        "offline": "never touch the network",
        "allow-unverified": "install even what no checksum vouches for",
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
) -> int:
    """Install CLIProxyAPIPlus for this platform, and write the LiteLLM runner."""
    from flowgate.cli import entrypoint

    typed = {"version": cliproxy_version, "repo": cliproxy_repo, "from_file": from_file}
    return entrypoint.play(
        "bootstrap-download",
        {**typed, "offline": offline, "allow_unverified": allow_unverified},
        event="bootstrap_download",
    )


@task(name="rollback")
@command
def bootstrap_rollback(c: Context) -> int:
    """Bring back the CLIProxyAPIPlus that was installed before."""
    from flowgate.cli import entrypoint

    return entrypoint.play("bootstrap-rollback", {}, event="bootstrap_download")


# --- services ----------------------------------------------------------------------------------------------------


@task(help={"service": SERVICE})
@command
def start(c: Context, service: str = "all") -> int:
    """Start services and wait until they are ready."""
    from flowgate.cli import entrypoint

    return entrypoint.play("service-start", {"service": entrypoint.service(service)}, profile="")


@task(help={"service": SERVICE})
@command
def stop(c: Context, service: str = "all") -> int:
    """Stop services, their whole process trees."""
    from flowgate.cli import entrypoint

    return entrypoint.play("down", {"service": entrypoint.service(service)})


@task(help={"service": SERVICE, "now": "do not wait until nothing is under way in CLIProxyAPIPlus: cut it"})
@command
def restart(c: Context, service: str = "all", now: bool = False) -> int:
    """Restart services: LiteLLM by a hand-over, CLIProxyAPIPlus in a quiet moment; nobody is cut."""
    from flowgate.cli import entrypoint

    return entrypoint.play("service-restart", {"service": entrypoint.service(service), "now": now}, profile="")


@task(help={"service": SERVICE, "watch": "go on until the older generation has gone, and say what changes"})
@command
def reload(c: Context, service: str = "all", watch: bool = False) -> int:
    """Take up changed settings: LiteLLM by a hand-over, CLIProxyAPIPlus by rereading its file; nobody is cut."""
    from flowgate.cli import entrypoint

    return entrypoint.reload(entrypoint.service(service), watch)


@task(
    positional=["name"],
    help={"name": "litellm, cliproxyapi_plus or keeper", "lines": "how many lines", "follow": "go on until Ctrl-C"},
)
@command
def logs(c: Context, name: str, lines: str = "50", follow: bool = False) -> int:
    """Print the last lines of a service's log."""
    from flowgate.cli import entrypoint, logs

    return logs.logs(entrypoint.named(name, "a service"), entrypoint.count("lines", lines), follow)


# --- profiles ----------------------------------------------------------------------------------------------------


@task(name="list", help={"json": JSON})
@command
def profile_list(c: Context, json: bool = False) -> int:
    """List the profiles, and which is in force."""
    from flowgate.cli import profiles

    return profiles.list_profiles(json)


@task(name="set", positional=["name"], help={"name": "a profile of the config"})
@command
def profile_set(c: Context, name: str) -> int:
    """Render a profile and put it in force, switching a running LiteLLM."""
    from flowgate.cli import entrypoint

    return entrypoint.set_profile(entrypoint.named(name, "a profile"))


@task(name="show", help={"name": PROFILE, "json": JSON})
@command
def profile_show(c: Context, name: str = "", json: bool = False) -> int:
    """Print what a profile promises, and the settings of both programs that keep it."""
    from flowgate.cli import profiles

    return profiles.show(name, json)


@task(name="diff", positional=["old", "new"], help={"old": "one profile", "new": "the other"})
@command
def profile_diff(c: Context, old: str, new: str) -> int:
    """Compare two profiles."""
    from flowgate.cli import entrypoint, profiles

    return profiles.diff(entrypoint.named(old, "a profile"), entrypoint.named(new, "a profile"))


# --- accounts ----------------------------------------------------------------------------------------------------


@task(name="list", help={"json": JSON})
@command
def auth_list(c: Context, json: bool = False) -> int:
    """List the providers, and what each can do with the program that is installed."""
    from flowgate.cli import accounts

    return accounts.list_providers(json)


@task(name="status", help={"json": JSON})
@command
def auth_status(c: Context, json: bool = False) -> int:
    """Print every account: whose, until when, in which state; never a token."""
    from flowgate.cli import accounts

    return accounts.status(json)


@task(
    positional=["provider"],
    help={
        "provider": "codex, copilot, claude, … (see `inv auth.list`)",
        "timeout": "seconds for you in the browser",
        "poll-interval": "seconds between two questions",
        "open": "open the address in a browser",
        "redirect-url": "the address at which a browser ended, for a login that waits elsewhere",
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
    """Log in to a provider; only an account that appears counts."""
    from flowgate.cli import accounts, entrypoint

    waits = {
        "timeout": entrypoint.seconds("timeout", timeout),
        "poll_interval": entrypoint.seconds("poll-interval", poll_interval),
    }
    more = {"open": open, "redirect_url": redirect_url, "project": project}
    return accounts.login(entrypoint.named(provider, "a provider"), **waits, **more)


@task(
    name="import-headless",
    positional=["provider"],
    help={
        "provider": "codex or claude",
        "source": "its login file; where its own program keeps it when absent",
        "dest-dir": "the auth folder; FlowGate's own when absent",
        "borrow": "leave the refresh token out: works until it expires, and its owner stays logged in",
    },
)
@command
def import_headless(c: Context, provider: str, source: str = "", dest_dir: str = "", borrow: bool = False) -> int:
    """Take over a login that a provider's own program holds on this machine."""
    from flowgate.cli import accounts, entrypoint

    return accounts.import_headless(entrypoint.named(provider, "a provider"), source, dest_dir, borrow)


# --- looking -----------------------------------------------------------------------------------------------------


@task(help={"json": JSON})
@command
def status(c: Context, json: bool = False) -> int:
    """Print the profile in force and every service; never asks a model."""
    from flowgate.cli import status

    return status.status(json)


@task(help={"json": JSON})
@command
def health(c: Context, json: bool = False) -> int:
    """Print liveness and readiness of every service; exit 1 when any is not ok."""
    from flowgate.cli import health

    return health.health(json)


@task(
    help={
        "lines": "how many lines",
        "follow": "go on until Ctrl-C",
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
    from flowgate.cli import entrypoint, logs

    return logs.events(entrypoint.count("lines", lines), follow, service, event, since, json)


@task(
    positional=["question"],
    help={
        "question": "what to ask, in quotes",
        "model": "a model of the profile; its first when absent",
        "stream": "print the answer as it comes",
    },
)
@command
def ask(c: Context, question: str, model: str = "", stream: bool = False) -> int:
    """Ask one question through the gateway; print the answer, and who gave it and why."""
    from flowgate.cli import ask, entrypoint

    return ask.ask(entrypoint.named(question, "a question"), model, stream)


@task(help={"last": "how many of the last answers", "id": "one answer, by the beginning of its id", "json": JSON})
@command
def explain(c: Context, last: str = "1", id: str = "", json: bool = False) -> int:  # noqa: A002 - makes the flag --id
    """Say who served a request and why: the deployment, retries, fallbacks, times, and who is benched now."""
    from flowgate.cli import ask, entrypoint

    return ask.explain(entrypoint.count("last", last), id, json)


@task(help={"clear": "end it for this model or account", "json": JSON})
@command
def cooldowns(c: Context, clear: str = "", json: bool = False) -> int:
    """Print which models and accounts are benched by which program, why, and for how long."""
    from flowgate.cli import cooldowns, entrypoint

    return cooldowns.show(entrypoint.named(clear, "a model"), json)


@task(name="path")
@command
def key_path(c: Context) -> int:
    """Print where the gateway's key lies; clients use `$(cat …)`."""
    from flowgate.cli import logs

    return logs.key_path()


@task(positional=["shell"], help={"shell": "bash, zsh or fish"})
@command
def completion(c: Context, shell: str) -> int:
    """Print a shell's completion script for `flowgate`."""
    from flowgate.cli import completion, entrypoint

    return completion.script(entrypoint.named(shell, "a shell"))


# --- preflight and security --------------------------------------------------------------------------------------


@task
@command
def init(c: Context) -> int:
    """Write your own config from the examples, with fresh random keys."""
    from flowgate.cli import init as config

    return config.init()


@task(help={"fix": "mend permissions, missing folders and leftovers first", "json": JSON})
@command
def doctor(c: Context, fix: bool = False, json: bool = False) -> int:
    """Look whether everything that a start needs is right; exit 1 when something is wrong."""
    from flowgate.cli import doctor as preflight

    return preflight.doctor(fix, json)


@task(name="check", help={"json": JSON})
@command
def security_check(c: Context, json: bool = False) -> int:
    """Look whether a secret could get out; exit 1 when one could."""
    from flowgate.cli import security

    return security.check(json)


@task(name="install-hook")
@command
def security_hook(c: Context) -> int:
    """Write a git hook that refuses a push while `security check` says no."""
    from flowgate.cli import security

    return security.install_hook()


# --- the developer's own workflow --------------------------------------------------------------------------------


@task(
    help={
        "long": "the full numbers too (minutes)",
        "cov": "measure which lines are run, too",
        "junit": "write a JUnit report to this file",
        "args": "for pytest",
    }
)
@command
def test(c: Context, long: bool = False, cov: bool = False, junit: str = "", args: str = "") -> int:
    """Run the tests."""
    from dev import tasks

    return tasks.test(long, cov, junit, args)


@task
@command
def lint(c: Context) -> int:
    """Check style and format."""
    from dev import tasks

    return tasks.lint()


@task(name="format")
@command
def format_code(c: Context) -> int:
    """Mend style and format."""
    from dev import tasks

    return tasks.format_code()


@task
@command
def typecheck(c: Context) -> int:
    """Check types."""
    from dev import tasks

    return tasks.typecheck()


@task(name="docs", help={"check": "only say whether they are stale"})
@command
def docs_pages(c: Context, check: bool = False) -> int:
    """Write the generated pages."""
    from dev import reference_pages

    return reference_pages.write_all(check)


@task
@command
def ci(c: Context) -> int:
    """Do what CI does: lint, types, generated pages, tests."""
    from dev import tasks

    return tasks.ci()


@task(
    help={"only": "one benchmark by name", "pairs": "how many alternating runs of each side", "json": "write JSON here"}
)
@command
def bench(c: Context, only: str = "", pairs: str = "7", json: str = "") -> int:
    """Measure what is promised, as ratios beside a baseline in the same run."""
    from dev import tasks
    from flowgate.cli import entrypoint

    return tasks.bench(only, entrypoint.count("pairs", pairs), json)


@task
@command
def build(c: Context) -> int:
    """Build the wheel and the source archive."""
    from dev import tasks

    return tasks.build()


@task(help={"quick": "leave out the tests and the smoke"})
@command
def release(c: Context, quick: bool = False) -> int:
    """Look whether this commit can be released, and print how; it tags and pushes nothing."""
    from dev import release as releasing

    return releasing.release(quick)


@task
@command
def clean(c: Context) -> int:
    """Delete what tools left behind; never `.router/`, never the environment."""
    from dev import tasks

    return tasks.clean()


def _named(**members: Any) -> Iterator[Collection]:
    for name, tasks in members.items():
        collection = Collection(name)
        for one in tasks:
            collection.add_task(one)
        yield collection


TOP: tuple[Any, ...] = (
    *(smoke, up, down, play, rehearse, steps),
    *(status, health, ask, explain, cooldowns, init, doctor, events, completion),
)
WORKFLOW: tuple[Any, ...] = (test, lint, format_code, typecheck, docs_pages, ci, bench, build, release, clean)

ns = Collection()
for one in (*TOP, *WORKFLOW):
    ns.add_task(one)
for collection in _named(
    bootstrap=(bootstrap_download, bootstrap_rollback),
    service=(start, stop, restart, reload, logs),
    profile=(profile_list, profile_set, profile_show, profile_diff),
    auth=(auth_list, auth_status, login, import_headless),
    key=(key_path,),
    security=(security_check, security_hook),
):
    ns.add_collection(collection)
