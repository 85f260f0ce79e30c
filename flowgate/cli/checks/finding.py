"""What checks find: one sentence each, and one command that mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass

from flowgate.cli import console
from flowgate.errors import FlowGateError, MultipleErrors

COLOURS = {"pass": "32", "warn": "33", "fail": "31"}
NAME_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    said: one sentence without a full stop

    Attributes:
        status: "pass", "warn" (works, and should be looked at) or "fail".
        mend: The command that mends it; empty when nothing has to be mended.
    """

    check: str
    status: str
    message: str
    fix: str = ""


Check = Callable[[], Iterable[Finding]]


def run_checks(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """Make checks in their order; one that cannot look, because it is refused, has failed.

    Args:
        checks: (name, what looks).
    """
    found: list[Finding] = []
    for name, check in checks:
        try:
            found += check()
        except FlowGateError as error:
            found += error_findings(name, error)
    return found


def error_findings(check: str, error: FlowGateError) -> list[Finding]:
    """Turn what a check was refused into findings, one for each fault."""
    if isinstance(error, MultipleErrors):
        return [one for fault in error.errors for one in error_findings(check, fault)]
    command = edit_command(error.place) if error.place else error.fix
    advice = f"; {error.fix}" if error.place and error.fix else ""
    return [Finding(check, "fail", f"{error}{advice}", command)]


def config_findings(error: FlowGateError) -> list[Finding]:
    """Turn the faults of a config into findings; one that cannot even be read is refused as ever.

    Raises:
        FlowGateError: The refusal itself, when it names no place in the file.
    """
    if not error.place and not isinstance(error, MultipleErrors):
        raise error
    return error_findings("config", error)


def edit_command(place: str) -> str:
    """Give the command that opens an editor at `file:line[:column]`."""
    from shlex import quote

    file, _, rest = place.partition(":")
    line = rest.partition(":")[0]
    return f"${{EDITOR:-vi}} +{line} {quote(file)}" if line.isdigit() else f"${{EDITOR:-vi}} {quote(file)}"


def print_findings(findings: Sequence[Finding], *, as_json: bool, config: str, fixed: Sequence[str] = ()) -> int:
    """Print findings.

    Source: keys of `--json` are documented in docs/runbook-troubleshooting.md

    Args:
        config: Which config was looked at.
        fixed: What has been mended just now, one sentence each.

    Returns:
        1 when one has failed, else 0.
    """
    counts = {status: sum(one.status == status for one in findings) for status in COLOURS}
    if as_json:
        console.document(
            {
                "ok": not counts["fail"],
                "config": config,
                "counts": counts,
                "fixed": list(fixed),
                "findings": [asdict(one) for one in findings],
            }
        )
    else:
        for done in fixed:
            console.note(f"~ {done}")
        for one in findings:
            console.data(f"{one.status}  {one.check:<{NAME_WIDTH}} {console.spell_commands(one.message)}")
            if one.fix:
                console.data(f"{'':<{NAME_WIDTH + 7}}{console.spell_commands(one.fix)}")
        console.note(", ".join(f"{count} {status}" for status, count in counts.items()))
    return 1 if counts["fail"] else 0
