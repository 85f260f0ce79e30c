"""Run an Ansible play over the hosts of an inventory, and read what each host answered."""

from __future__ import annotations

import json
import re
import secrets
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from flowgate.cli import fleet_interrupt
from flowgate.cli.fleet_interrupt import CALLBACK, Place, read_line
from flowgate.cli.fleet_request import Target
from flowgate.errors import EnvironmentFailure, InvalidValue, UsageError
from flowgate.export import ansible as collection
from flowgate.playbook.report import ReportDocument
from flowgate.system import ansible, files, tempdirs

PREFIX = "flowgate-fleet-"
SERIAL = re.compile(r"[1-9][0-9]{0,5}|([1-9][0-9]?|100)%")
COMPLAINT = re.compile(r"^(?:\[?ERROR\]?!?:?|fatal:)\s*(.+)", re.IGNORECASE)
UNKNOWN_HOST = re.compile(r"Could not match supplied host pattern, ignoring: (.+)")
CRASHED = 250  # exit code of `ansible-playbook` for an unexpected error
OUTSIDE = EnvironmentFailure.code


@dataclass(frozen=True, slots=True)
class Answer:
    """How one task ended on one host.

    Attributes:
        host: The host.
        task: Name of the task.
        state: "ok", "failed" or "unreachable".
        code: FlowGate's exit code there; 3 if it was not reached.
        message: What was wrong; may be empty.
        fix: What to do; may be empty.
        lines: What FlowGate printed there.
        report: The report of a playbook; None if none was started.
        documents: Other documents, by name.
    """

    host: str
    task: str
    state: str
    code: int
    message: str = ""
    fix: str = ""
    lines: tuple[str, ...] = ()
    report: ReportDocument | None = None
    documents: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class FleetRun:
    """What has happened on the hosts.

    Attributes:
        hosts: All hosts, in the order of the inventory.
        answers: How the tasks ended, in that order.
        under_way: Hosts on which a task has begun and has not ended.
        interrupted: The exit code for the signal that interrupted the run; 0 if there was none.
        failure: How Ansible itself failed; empty if it did not.
    """

    hosts: tuple[str, ...] = ()
    answers: list[Answer] = field(default_factory=list)
    under_way: set[str] = field(default_factory=set)
    interrupted: int = 0
    failure: str = ""

    def of(self, host: str) -> list[Answer]:
        """Return how the tasks of one host ended."""
        return [one for one in self.answers if one.host == host]


def check_target(target: Target) -> None:
    """Refuse what is written wrong, before anything starts.

    Args:
        target: The hosts.

    Raises:
        UsageError: The inventory is missing.
        InvalidValue: `--serial` is no number and no share.
    """
    if target.serial and not SERIAL.fullmatch(target.serial):
        raise InvalidValue("--serial", found=target.serial, wanted="a number of hosts (1) or a share of them (25%)")
    if "," not in target.inventory and not Path(target.inventory).expanduser().exists():
        raise UsageError(
            f"there is no inventory at {target.inventory}", fix="name a file with your hosts: -i hosts.yml"
        )


def run(
    play: Mapping[str, object],
    request: Mapping[str, object],
    target: Target,
    flags: Sequence[str],
    on_answer: Callable[[Answer], None],
) -> FleetRun:
    """Run one play of modules of `flowgate.gateway` on the hosts.

    Args:
        play: The play; `hosts`, `serial` and `gather_facts` are added.
        request: What the hosts are to do; it travels in a private file.
        target: The hosts.
        flags: More words for `ansible-playbook`.
        on_answer: Is called for each task that has ended on a host.

    Raises:
        UsageError: The inventory cannot be read, or `--limit` names no host of it; nothing has run.
        EnvironmentFailure: Ansible itself failed.
        ProgramMissing: Ansible is not installed.
    """
    check_target(target)
    ansible.find()
    with tempdirs.folder(PREFIX) as folder:
        for path, text in collection.core_files().items():
            files.write_atomic(folder / "collections" / path, text, mode=0o600)
        name = secrets.token_hex(16)
        whole: dict[str, object] = {"hosts": "all", "gather_facts": False, "environment": {ansible.RUN: name}}
        whole |= {**({"serial": target.serial} if target.serial else {}), **play}
        files.write_atomic(folder / "play.json", json.dumps([whole]), mode=0o600)
        files.write_atomic(folder / "request.json", json.dumps(request, default=str), mode=0o600)
        inventory = target.inventory if "," in target.inventory else str(Path(target.inventory).expanduser())
        words = ["-i", inventory, *(["--limit", target.limit] if target.limit else []), *flags]
        return _run([*words, str(folder / "play.json")], Place(folder, inventory, name), on_answer)


def _run(words: Sequence[str], place: Place, on_answer: Callable[[Answer], None]) -> FleetRun:
    found, other = FleetRun(), list[str]()
    playbook = ansible.Playbook(place.request, CALLBACK)

    def on_line(line: str) -> None:
        told = read_line(line)
        if told is None:
            other.append(line)
        elif "hosts" in told:
            found.hosts = tuple(str(one) for one in cast("list[object]", told["hosts"]))
        elif told["state"] == "started":
            found.under_way.add(str(told["host"]))
        else:
            found.under_way.discard(str(told["host"]))
            answer = _answer(told)
            if told["state"] != "skipped" and str(place.request) not in answer.message:  # else it never began
                found.answers.append(answer)
                on_answer(answer)

    interruption = fleet_interrupt.prepare(playbook, place, found.under_way.copy)
    with interruption.watched():
        code = playbook.run(words, on_line)
    found.interrupted = interruption.code
    if not found.interrupted and (code == CRASHED or code < 0):
        found.failure = f"Ansible failed (exit code {code})"
        if found.under_way:  # what it has started runs on
            fleet_interrupt.tell(ansible.Playbook(place.request, CALLBACK), place, found.under_way)
    if found.interrupted or (found.hosts and (found.answers or found.under_way or code == 0)):
        return found
    what, log = _complaint(other), [line for line in other if line.strip()][-10:]
    if found.failure or found.hosts:
        raise EnvironmentFailure(f"Ansible failed (exit code {code}): {what or 'it did not say why'}", log=log)
    if unknown := UNKNOWN_HOST.search(what):
        what = f"--limit: the inventory has no host and no group '{unknown[1]}'"
    fix = f"see its hosts: ansible-inventory -i {shlex.quote(words[1])} --graph"
    raise UsageError(what or "the inventory has no hosts", fix=fix)


def _complaint(lines: Sequence[str]) -> str:
    """Return what Ansible complained about, as one sentence."""
    for line in lines:
        if found := COMPLAINT.match(line.strip()):
            return found[1].strip().rstrip(".")
    return next((line.strip().rstrip(".") for line in lines if line.strip() and not line.startswith("[WARN")), "")


def _answer(told: Mapping[str, object]) -> Answer:
    state = str(told["state"])
    result = cast("Mapping[str, object]", told["result"])
    failed = state in ("failed", "unreachable")
    code = result.get("code")
    said = next(iter(str(result.get("module_stderr") or "").splitlines()), "")  # a host without a usable Python
    return Answer(
        host=str(told["host"]),
        task=str(told["task"]),
        state=state,
        code=code if isinstance(code, int) and code else OUTSIDE if failed else 0,
        message=" ".join([*str(result.get("msg") or "").split(), *([f"({said})"] if said else [])]),
        fix=str(result.get("fix") or ""),
        lines=tuple(str(one) for one in cast("list[object]", result.get("lines") or [])),
        report=cast("ReportDocument | None", result.get("report") or None),
        documents={name: result[name] for name in ("status", "health", "version") if name in result},
    )
