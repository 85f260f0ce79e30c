"""The ways to say no.

FlowGateError                     facts, a hint, a place, an exit code
├── UsageError            2    something written wrong; found before anything started, nothing touched
│   ├── UnknownName         a closed list was left
│   ├── InvalidValue            a value of the wrong type or range
│   └── MultipleErrors              several mistakes of one file, all at once
├── CheckFailed        1    a check said no
├── EnvironmentFailure     3    the outside world refused
│   ├── PortInUse           a port is held by somebody else
│   ├── ProgramMissing      a program is absent or cannot be executed
│   ├── NotReady            a program did not come up; carries its last log lines
│   ├── Unreachable         nobody answered, or not in time
│   │   └── Silent          not in time: a slow one is not a dead one
│   └── DiskError         a folder is read-only, full or not ours
├── LockTimeout               3    another command is changing this runtime folder
└── Interrupted      130    Ctrl-C

A refusal holds facts; `desk/say.py` is the one place that prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


class FlowGateError(Exception):
    """Something was refused: what, where, and what to do about it.

    hint: what to do, as a sentence or a command; may be empty

    Attributes:
        what: One sentence without a full stop.
        place: `file:line[:column]`, or empty.
        log: The last lines of the log that explain it, oldest first.
        facts: What was learnt all the same, as plain data; a playbook's `register` keeps it.
    """

    code = 3

    def __init__(
        self,
        what: str,
        *,
        fix: str = "",
        place: str = "",
        log: Sequence[str] = (),
        facts: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(what)
        self.facts = dict(facts or {})
        self.what = what
        self.fix = fix
        self.place = place
        self.log = tuple(log)

    def with_cause(self, cause: FlowGateError) -> FlowGateError:
        """Give the same sentence with the code, the log and the way out of what caused it."""
        message = FlowGateError(self.what, fix=self.fix or cause.fix, place=cause.place, log=cause.log)
        message.code = cause.code
        return message

    def __str__(self) -> str:
        return f"{self.what} ({self.place})" if self.place else self.what


class UsageError(FlowGateError):
    """Something written wrong; nothing was touched."""

    code = 2


class UnknownName(UsageError):
    """A name that is not on a closed list.

    Attributes:
        kind: What the name stands for ("profile", "key", "step").
        name: What was written.
        known: The closed list.
        at: `file:line[:column]` where it was written, or where the list is.
    """

    def __init__(self, kind: str, name: str, *, known: Iterable[str], at: str = "") -> None:
        self.kind, self.name, self.known = kind, name, tuple(known)
        super().__init__(f"no {kind} is called '{name}'", fix=suggestion(name, self.known), place=at)


class InvalidValue(UsageError):
    """A value of the wrong type or range.

    Attributes:
        name: The dotted path of the value ("services.litellm.port").
        found: What was written, shortened.
        wanted: What belongs there, in words ("a whole number from 1 to 65535").
    """

    def __init__(self, name: str, *, found: object, wanted: str, at: str = "", fix: str = "") -> None:
        self.name, self.found, self.wanted = name, found, wanted
        shown = repr(found)
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        super().__init__(f"'{name}' must be {wanted}, not {shown}", place=at, fix=fix)


class MultipleErrors(UsageError):
    """Several mistakes of one document, told all at once."""

    def __init__(self, subject: str, faults: Sequence[FlowGateError]) -> None:
        self.errors = tuple(faults)
        count = len(self.errors)
        super().__init__(f"{subject} has {count} fault{'s' if count != 1 else ''}")
        codes = {fault.code for fault in faults}
        self.code = codes.pop() if len(codes) == 1 else UsageError.code


class CheckFailed(FlowGateError):
    """A check said no."""

    code = 1


class EnvironmentFailure(FlowGateError):
    """The outside world refused."""

    code = 3


class PortInUse(EnvironmentFailure):
    """A port is held by somebody else; nothing was started."""

    def __init__(self, service: str, host: str, port: int, *, pid: int | None, command: str, fix: str = "") -> None:
        self.service, self.port, self.pid, self.command = service, port, pid, command
        owner = f"process {pid} ({command})" if pid else "another user's process"
        way_out = fix or (f"stop it (kill {pid}), or set services.{service}.port to a free port" if pid else "")
        super().__init__(f"port {host}:{port} for {service} is held by {owner}", fix=way_out)


class ProgramMissing(EnvironmentFailure):
    """A program is absent or cannot be executed."""


class NotReady(EnvironmentFailure):
    """A program was started and did not come up."""


class Unreachable(EnvironmentFailure):
    """Nobody answered, or not in time."""


class ResponseTimeout(Unreachable):
    """Not in time: somebody may be there and busy, so nothing is known."""


class DiskError(EnvironmentFailure):
    """A folder is read-only, full or not ours."""


class LockTimeout(EnvironmentFailure):
    """Another command is changing this runtime folder."""


class Interrupted(FlowGateError):
    """Ctrl-C."""

    code = 130


class StepContractError(RuntimeError):
    """A step acted while it should only look: a bug of that step, never a user's mistake."""


def raise_all(subject: str, faults: Sequence[FlowGateError]) -> None:
    """Raise what was found wrong: nothing for none, the fault itself for one, all of them otherwise."""
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise MultipleErrors(subject, faults)


def suggestion(name: str, known: Iterable[str]) -> str:
    """Name the nearest word of a closed list, else the list itself.

    Returns:
        "did you mean 'cost'?", or "known: a, b, c", or an empty text when nothing is known.
    """
    from difflib import get_close_matches

    words = list(known)
    near = get_close_matches(name, words, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"known: {', '.join(sorted(words)[:20])}" if words else ""
