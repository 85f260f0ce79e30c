"""The exception tree. Each class has the exit code of the command that it ends.

FlowGateError                what happened, where, how to fix it
├── UsageError           2   the user wrote something invalid; found before anything was changed
│   ├── UnknownName          a name that is not in the list of known names
│   ├── InvalidValue         a value of the wrong type or out of range
│   └── MultipleErrors       several errors, reported together
├── CheckFailed          1   a check ran and failed
├── EnvironmentFailure   3   something outside FlowGate failed
│   ├── PortInUse            another process listens on a port
│   ├── ProgramMissing       a program is missing or cannot be executed
│   ├── NotReady             a program did not become ready; has its last log lines
│   ├── Unreachable          a server cannot be reached
│   │   ├── ResponseTimeout  a server accepted the connection and did not respond in time
│   │   └── NotAnswering     the supervisor runs, but does not answer
│   ├── DiskError            a file or folder cannot be read or written
│   └── LockTimeout          another command is changing this runtime folder
└── Interrupted        130   Ctrl-C

StepContractError            a bug in a step; not a FlowGateError

An exception holds facts; `cli/console.py` turns them into text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import Any

MAX_NAMES = 20  # of a list of known names that a message shows


class FlowGateError(Exception):
    """An error that the user can act on.

    Attributes:
        what: What happened, as one sentence without a full stop.
        fix: What to do, as a sentence or a command; may be empty.
        place: `file:line[:column]`, or empty.
        log: The last log lines that explain it, oldest first.
        facts: Results known despite the failure, as plain data; a playbook's `register` stores them.
    """

    code = 3

    def __init__(
        self,
        what: str,
        *,
        fix: str = "",
        place: str = "",
        log: Sequence[str] = (),
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(what)
        self.facts = dict(facts or {})
        self.what = what
        self.fix = fix
        self.place = place
        self.log = tuple(log)

    def with_cause(self, cause: FlowGateError) -> FlowGateError:
        """Return an error with this sentence, and with the exit code, log and fix of its cause."""
        message = FlowGateError(self.what, fix=self.fix or cause.fix, place=cause.place, log=cause.log)
        message.code = cause.code
        return message

    def __str__(self) -> str:
        return f"{self.what} ({self.place})" if self.place else self.what


class UsageError(FlowGateError):
    """The user wrote something invalid; nothing was changed."""

    code = 2


class UnknownName(UsageError):
    """A name that is not in the list of known names.

    Attributes:
        kind: What the name stands for ("profile", "key", "step").
        name: The name that the user wrote.
        known: The known names.
        place: `file:line[:column]` of the name, or of the list.
    """

    def __init__(self, kind: str, name: str, *, known: Iterable[str], at: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"no {kind} is called '{name}'", fix=suggestion(name, self.known), place=at)


class InvalidValue(UsageError):
    """A value of the wrong type or out of range.

    Attributes:
        name: The dotted path of the value ("services.litellm.port").
        found: The value that the user wrote.
        wanted: The expected value, in words ("a whole number from 1 to 65535").
    """

    def __init__(self, name: str, *, found: object, wanted: str, at: str = "", fix: str = "") -> None:
        self.name, self.found, self.wanted = name, found, wanted
        shown = "nothing" if found is None else repr(found)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        super().__init__(f"'{name}' must be {wanted}, not {shown}", place=at, fix=fix)


class MultipleErrors(UsageError):
    """Several errors in one document, reported together.

    Attributes:
        errors: The single errors. The exit code is theirs when they agree, else 2.
    """

    def __init__(self, subject: str, errors: Sequence[FlowGateError]) -> None:
        self.errors = tuple(errors)
        count = len(self.errors)
        super().__init__(f"{subject} has {count} error{'s' if count != 1 else ''}")
        codes = {error.code for error in errors}
        self.code = codes.pop() if len(codes) == 1 else UsageError.code


class CheckFailed(FlowGateError):
    """A check ran and failed."""

    code = 1


class EnvironmentFailure(FlowGateError):
    """Something outside FlowGate failed: a program, a server, a disk."""

    code = 3


class PortInUse(EnvironmentFailure):
    """Another process listens on a port; nothing was started."""

    def __init__(self, service: str, host: str, port: int, *, pid: int | None, command: str, gateway: str = "") -> None:
        self.service, self.port, self.pid, self.command = service, port, pid, command
        owner = f"process {pid} ({command})" if pid else "another user's process"
        fix = f"stop it (kill {pid}), or set services.{service}.port to a free port" if pid else ""
        if gateway:
            owner = f"another FlowGate, that of {gateway} (process {pid})"
            fix = (
                f"set services.{service}.port to a free port, or stop that one: flowgate --config {quote(gateway)} down"
            )
        super().__init__(f"port {host}:{port} for {service} is in use by {owner}", fix=fix)


class ProgramMissing(EnvironmentFailure):
    """A program is missing or cannot be executed."""


class NotReady(EnvironmentFailure):
    """A program was started and did not become ready."""


class Unreachable(EnvironmentFailure):
    """A server cannot be reached, or did not finish in time."""


class CertificateRefused(Unreachable):
    """A server's certificate is not trusted, or is that of another host; nothing was sent to it."""


class ResponseTimeout(Unreachable):
    """A server did not respond in time; it may be busy, so nothing is known about its state."""


class NotAnswering(Unreachable):
    """The supervisor runs, but does not answer; its services may serve all the same."""


class DiskError(EnvironmentFailure):
    """A file or folder cannot be read or written."""


class LockTimeout(EnvironmentFailure):
    """Another command is changing this runtime folder."""


class Interrupted(FlowGateError):
    """Ctrl-C."""

    code = 130


class StepContractError(RuntimeError):
    """A step changed something in its read-only phase: a bug in the step, not a user's mistake."""


def raise_all(subject: str, errors: Sequence[FlowGateError]) -> None:
    """Raise collected errors, if there are any.

    Args:
        subject: What has the errors ("flowgate.yaml", "profile cost").
        errors: The errors.

    Raises:
        FlowGateError: The only error.
        MultipleErrors: All errors, if there are several.
    """
    different = list({(str(one), one.fix): one for one in errors}.values())
    if len(different) == 1:
        raise different[0]
    if different:
        raise MultipleErrors(subject, different)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Suggest the known name that is most similar to a misspelt one.

    Args:
        name: The misspelt name.
        known: The known names.

    Returns:
        "did you mean 'cost'?"; "use one of: a, b, c" if no name is similar; empty if there are no known names.
    """
    from difflib import get_close_matches

    words = list(known)
    near = [one for one in words if one.lower() == name.lower()] or get_close_matches(name, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    if not words:
        return ""
    shown = sorted(words)[:MAX_NAMES]
    return f"use one of: {', '.join([*shown, *(['…'] if len(words) > MAX_NAMES else [])])}"
