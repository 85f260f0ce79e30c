"""The tasks around playbooks: run one, list their steps, rehearse a profile."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, PROFILE, command, config, dry


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
        "gateways": "gateways that take turns, with a private Redis server if the profile names one; default: 1",
        "against": "rehearse a deployed gateway instead of a private copy: its URL (exported with --rehearsal)",
        "stand-ins": "URL of the control port of that gateway's stand-ins; its key is REHEARSAL_KEY",
        "ca": "file of the private CA of these two https addresses, as PEM",
        "json": JSON,
        "report-junit": "write a JUnit report to this file",
        "report-html": "write a page with a timeline for each scenario to this file",
        "verbose": "list every promise in every scenario, also the kept ones",
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
    gateways: str = "",
    against: str = "",
    stand_ins: str = "",
    ca: str = "",
    json: bool = False,
    report_junit: str = "",
    report_html: str = "",
    verbose: bool = False,
) -> int:
    """Prove a profile: simulate outages on a private copy of the gateway; exit 1 when a promise is broken."""
    from pathlib import Path

    from flowgate.cli import rehearse

    variables: dict[str, bool | str] = {
        "every": all,
        "scenario": scenario,
        "litellm_only": litellm_only,
        "long": long,
        "as_written": as_written,
        "against": against,
        "stand_ins": stand_ins,
    }
    variables |= {"ca": str(Path(ca).expanduser().absolute())} if ca else {}
    shown = rehearse.Shown(json, verbose, report_junit, report_html)
    return rehearse.rehearse(config(c), profile, variables, gateways, how=shown)
