"""The command `play -i INVENTORY`: one playbook on many hosts, through Ansible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from flowgate.cli import arguments, console, fleet_report, fleet_run, run_reports
from flowgate.cli.find_playbook import find_playbook
from flowgate.cli.fleet_interrupt import PROGRAM
from flowgate.cli.fleet_request import FleetRequest, Target
from flowgate.cli.fleet_run import Answer
from flowgate.cli.masking import masker, playbook_secrets
from flowgate.domain import Task, Value, Variables
from flowgate.domain.secret_names import hide_obvious
from flowgate.errors import UsageError
from flowgate.playbook.include import IMPORT_TASKS
from flowgate.playbook.parse import parse
from flowgate.system import files
from flowgate.system.ansible import REQUEST
from flowgate.system.clock import Clock, stamp

ONE_AT_A_TIME = "1"
HEALTH_SECONDS = 60
HOSTS_OWN = "to resume: "  # the command for one host; at the end of the run there is one for all
PLAYED, HEALTHY = "Run the playbook", "Wait until the gateway is healthy"
ASKED = "{{ (lookup('ansible.builtin.file', lookup('env', '" + REQUEST + "')) | from_json).%s }}"


def play_typed(
    config: str,
    words: tuple[str, Sequence[str], Mapping[str, str]],
    fleet: Mapping[str, str],
    typed: Variables,
) -> int:
    """Run a playbook on every host, as `inv play NAME -i INVENTORY` was typed.

    Args:
        config: Path after `--config`.
        words: The playbook, each value of `-e`, and the reports.
        fleet: "inventory", "limit" and "serial" as typed.
        typed: The other options of `play`, by name.

    Returns:
        The worst exit code of the hosts.

    Raises:
        UsageError: Something is written wrong; nothing has run.
    """
    if not fleet["inventory"]:
        given = next(name for name in ("limit", "serial") if fleet[name])
        raise UsageError(f"--{given} is about several hosts, and --inventory is missing", fix="-i hosts.yml")
    name, extra, reports = words
    request = FleetRequest(
        name,
        Target(**fleet),
        extra,
        reports=reports,
        **{one: str(typed.get(one) or "") for one in ("profile", "tags", "skip_tags")},
        check=bool(typed.get("check")),
        diff=bool(typed.get("diff")),
    )
    listing = str(typed.get("listing") or "")
    refused = {
        "syntax-check": bool(typed.get("syntax_only")),
        "start-at-task": bool(typed.get("start_at")),
        "step": bool(typed.get("stepwise")),
        f"list-{listing}": bool(listing),
    }
    return play(config, request, refused)


def play(config: str, request: FleetRequest, refused: Mapping[str, bool]) -> int:
    """Run a playbook on every host, stop at the first that breaks, and print one recap.

    Args:
        config: Path after `--config`; must be empty, because each host has its own config.
        request: What was typed.
        refused: Options that only one machine knows → whether they were given.

    Returns:
        The worst exit code of the hosts; 130 or 143 if the run was interrupted.

    Raises:
        UsageError: Something is written wrong; nothing has run.
        ProgramMissing: Ansible is not installed.
    """
    _check_options(config, refused)
    run_reports.check_writable(request.reports)
    fleet_run.check_target(request.target)
    asked = _asked(request)
    clock = Clock()
    started, began = stamp(clock.wall()), clock.now()
    flags = [*(["--check"] if request.check else []), *(["--diff"] if request.diff else [])]
    done = fleet_run.run(_play(), asked, _serial(request.target), flags, _print_answer)
    document = fleet_report.document(
        done, request, playbook=str(asked["path"]), started=started, seconds=clock.now() - began
    )
    fleet_report.print_recap(done, document)
    run_reports.write_files(document, request.reports)
    return document["code"]


def _serial(target: Target) -> Target:
    return target if target.serial else Target(target.inventory, target.limit, ONE_AT_A_TIME)


def _check_options(config: str, refused: Mapping[str, bool]) -> None:
    if config:
        what = "--config cannot be combined with --inventory: each host has its own config"
        raise UsageError(what, fix="name it in the inventory: flowgate_config: /path/of/flowgate.yaml")
    given = [name for name, was_given in refused.items() if was_given]
    if given:
        what = f"--{given[0]} cannot be combined with --inventory"
        raise UsageError(what, fix="leave it out, or use it on one machine without --inventory")


def _asked(request: FleetRequest) -> dict[str, object]:
    """Return what each host is asked; the playbook is read here once, so that its mistakes are found before it runs."""
    path = find_playbook(arguments.named(request.name, "a playbook"))
    text = files.read_text(path)
    plays = parse(text, str(path))
    is_own = path.suffix in (".yml", ".yaml") and ("/" in request.name or Path(request.name).suffix != "")
    found = [place for play in plays for place in _imports((*play.tasks, *play.handlers))] if is_own else []
    if found:
        what = f"the playbook imports another file ({found[0]}), and a playbook for a fleet must be one file"
        raise UsageError(what, fix="put the imported tasks into it")
    variables: dict[str, Value] = arguments.variables(request.extra)
    hide = masker(playbook_secrets(plays, variables))
    console.set_mask(lambda text: hide_obvious(hide(text)))
    profile = arguments.one_profile(request.profile, variables)
    return {
        "path": str(path),
        "name": path.name if is_own else request.name,
        "text": text if is_own else "",
        "variables": _json(variables),
        "profile": profile or "",
        "tags": request.tags,
        "skip_tags": request.skip_tags,
    }


def _imports(tasks: Sequence[Task]) -> Iterator[str]:
    """Give the places at which tasks are imported."""
    for task in tasks:
        if IMPORT_TASKS in task.marks:
            yield task.place
        yield from _imports((*task.block, *task.rescue, *task.always))


def _json(variables: Mapping[str, Value]) -> str:
    import json

    return json.dumps(variables, default=str) if variables else ""


def _play() -> dict[str, object]:
    """Return the play: the playbook under the host's own lock, then its health; one broken host stops the others."""
    asked = {name: ASKED % name for name in ("name", "text", "profile", "tags", "skip_tags")}
    return {
        "name": "FlowGate",
        "any_errors_fatal": True,
        "tasks": [
            {
                "name": PLAYED,
                "flowgate.gateway.play": {**PROGRAM, **asked, "secret_variables": ASKED % "variables"},
                "register": "flowgate_played",
            },
            {
                "name": HEALTHY,
                "flowgate.gateway.health": {
                    **PROGRAM,
                    "timeout": HEALTH_SECONDS,
                    "required": "{{ flowgate_played.started is true }}",
                },
                "when": "not ansible_check_mode",
            },
        ],
    }


def _print_answer(answer: Answer) -> None:
    """Print what a host has done, line by line, behind its name."""
    if answer.task == PLAYED and answer.lines:
        for line in answer.lines:
            if not line.startswith(HOSTS_OWN):
                console.quote(f"{answer.host} | {line}")
        return
    if answer.state in ("failed", "unreachable"):
        what = "cannot be reached: " if answer.state == "unreachable" else ""
        console.quote(console.colour(f"{answer.host} | error: {what}{answer.message}", console.RED))
        if answer.fix:
            console.note(f"{answer.host} |   fix: {answer.fix}")
    elif answer.task == HEALTHY and answer.state == "ok":
        console.quote(f"{answer.host} | = {answer.message}")
