"""The command `client.test`: run a client program once, in a home of its own, and say who served it."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import client_run, console
from flowgate.cli.client_trial import How, Trial, environment
from flowgate.cli.served_requests import ServedRequest, served_requests
from flowgate.cli.session import Session, hide_secrets, open_session
from flowgate.clients import keys, registry
from flowgate.errors import CheckFailed, Unreachable, UsageError
from flowgate.system import tempdirs
from flowgate.system.clock import Clock
from flowgate.system.command import CommandResult

if TYPE_CHECKING:
    from flowgate.clients.program import ClientProgram, Machine, Protocol

FOLDER = "flowgate-client-"
TIMED_OUT = 1 << 16  # no process has this exit code
QUESTION = "Say hello in one short sentence."
PROTOCOLS: tuple[tuple[str, Protocol], ...] = (
    ("/chat/completions", "chat"),
    ("/responses", "responses"),
    ("/messages", "messages"),
    (":generateContent", "google"),
    (":streamGenerateContent", "google"),
)
COLOURS = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
LOG_LINES = 12


class Report(TypedDict):
    """What a test found; docs/json.md describes the keys."""

    program: str
    program_version: str
    how: How
    question: str
    answer: str
    seconds: float
    exit_code: int | None
    protocol: str
    path: str
    asked: str
    deployment: str
    requests: int
    refused: int
    problem: str


def test(config: str, name: str, question: str, timeout: float, by_variables: bool, as_json: bool) -> int:
    """Run a client program once through the gateway; print its answer, and who gave it over which protocol.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client program's name.
        question: What to ask; empty for a short one.
        timeout: Seconds until the program is ended.
        by_variables: Lead it to the gateway as `client.run` does, not by files as `client.add` does.
        as_json: Print one JSON document.

    Raises:
        UnknownName: There is no such client program.
        UsageError: It cannot be run without a terminal, or cannot use the gateway this way.
        ProgramMissing: It is not installed.
        NotReady: The gateway is not running.
        CheckFailed: It was not answered through the gateway, or did not end in time.
    """
    program = registry.find(name)
    _check(program, by_variables)
    session = open_session(config)
    if not as_json:
        console.note(session.describe())
    report, ran = try_program(session, program, question or QUESTION, timeout, by_variables)
    return _print(report, ran, program, as_json)


def try_program(
    session: Session, program: ClientProgram, question: str, timeout: float, by_variables: bool
) -> tuple[Report, CommandResult]:
    """Run a client program once, in a folder that is deleted and with a key that is void afterwards.

    Args:
        session: Config and supervisor.
        program: The client program.
        question: What to ask.
        timeout: Seconds until the program is ended.
        by_variables: Lead it to the gateway by variables, even if files would do.

    Returns:
        What it did, and its output.

    Raises:
        UsageError: It cannot be led this way, or the gateway knows no keys of clients.
        ProgramMissing: It is not installed.
        NotReady: The gateway is not running.
    """
    path = client_run.find_command(program, (), session)[0]
    gateway = client_run.find_gateway(session, "", "")
    if gateway.own_key is not None:
        what = f"{client_run.NO_CLIENT_KEYS}, so who served the program would not be known"
        raise UsageError(what, fix=f"inv client.run {program.name} -- …")
    made = keys.keys_of(session.config).temporary(f"{program.name}-test", program=program.name)
    with tempdirs.folder(FOLDER) as folder, made as (client, key):
        hide_secrets(session.config, session.environment, [key.reveal()])
        env = environment(session.environment, folder)
        machine = replace(client_run.machine(session, folder / "home"), env=env, secrets=folder / "secrets")
        endpoint = gateway.endpoint(client, key)
        how: How = "files" if not by_variables and program.files(machine, endpoint) else "variables"
        if how == "variables":
            client_run.startable(program)
        return _try(Trial(program, path, folder, endpoint, how, env), machine, session, question, timeout)


def _check(program: ClientProgram, by_variables: bool) -> None:
    if program.impossible or by_variables:
        client_run.startable(program)
    fix = f"inv client.run {program.name} -- …" if program.launch else f"inv client.add NAME --program {program.name}"
    if program.headless is None or not program.command:
        what = f"{program.title} cannot be run without a terminal"
        raise UsageError(what if program.command else f"'{program.name}' stands for variables alone", fix=fix)


def _try(
    trial: Trial, machine: Machine, session: Session, question: str, timeout: float
) -> tuple[Report, CommandResult]:
    """Run the program and judge what it did."""
    trial.write_files(machine)
    version = trial.version()
    clock = Clock()
    began = clock.now()
    try:
        ran = trial.ask(question, timeout)
    except Unreachable:
        ran = CommandResult(TIMED_OUT, "", "")
    seconds = clock.now() - began
    rows = [one for one in served_requests(session) if one["client"] == trial.endpoint.client]
    report = _report(trial, (version, question, seconds), ran, rows)
    if ran.code == TIMED_OUT:
        report["exit_code"], report["problem"] = None, f"did not end within {timeout:g} s ({_requests(report)})"
    return report, ran


def _report(trial: Trial, about: tuple[str, str, float], ran: CommandResult, rows: list[ServedRequest]) -> Report:
    answered = [one for one in rows if one["answered"]]
    spoken = [one for one in answered if protocol_of(one["path"]) == trial.program.protocol]
    served = next(reversed(spoken or answered or rows), None)
    answer = COLOURS.sub("", ran.stdout).strip()
    report: Report = {
        "program": trial.program.name,
        "program_version": about[0],
        "how": trial.how,
        "question": about[1],
        "answer": answer,
        "seconds": round(about[2], 3),
        "exit_code": ran.code,
        "protocol": protocol_of(served["path"]) if served else "",
        "path": served["path"] if served else "",
        "asked": served["asked"] if served else "",
        "deployment": served["answered"] if served else "",
        "requests": len(rows),
        "refused": len(rows) - len(answered),
        "problem": "",
    }
    report["problem"] = _problem(report, bool(answered))
    return report


def _problem(report: Report, answered: bool) -> str:
    if not report["requests"]:
        return "sent no request to the gateway"
    if not answered:
        return f"was refused by the gateway ({report['path']})"
    if code := report["exit_code"]:
        return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
    return "" if report["answer"] else "printed no answer"


def protocol_of(path: str) -> str:
    """Return the API of a request's path: "chat", "responses", "messages", "google"; empty for another one.

    Args:
        path: The path.
    """
    return next((name for end, name in PROTOCOLS if path.endswith(end)), "")


def _print(report: Report, ran: CommandResult, program: ClientProgram, as_json: bool) -> int:
    if as_json:
        console.document(report)
        return 1 if report["problem"] else 0
    if report["problem"]:
        said = [*ran.stdout.splitlines(), *ran.stderr.splitlines()]
        log = [line for line in (COLOURS.sub("", one).rstrip() for one in said) if line][-LOG_LINES:]
        raise CheckFailed(f"{program.title} {report['problem']}", fix="inv explain --last 5", log=log)
    console.data(report["answer"])
    title = f"{program.title} {report['program_version']}".rstrip()
    by = (
        "its own files, as client.add writes them" if report["how"] == "files" else "variables, as client.run sets them"
    )
    console.note(f"{title}, led by {by}: answered after {report['seconds']:.1f} s")
    served = f"{report['protocol'] or 'another protocol'} ({report['path']})"
    console.note(f"  {served}: {report['asked']} answered by {report['deployment']}; {_requests(report)}")
    return 0


def _requests(report: Report) -> str:
    count = f"{report['requests'] or 'no'} request{'' if report['requests'] == 1 else 's'}"
    return f"{count}, {report['refused']} without an answer" if report["refused"] else count
