"""What checks find: one sentence each, and one command that fixes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from flowgate.cli import console
from flowgate.errors import FlowGateError, MultipleErrors, NotAnswering

STATUSES = ("pass", "warn", "fail")
NAME_WIDTH = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: Name of the check.
        status: "pass", "warn" (works, but needs attention) or "fail".
        message: One sentence without a full stop.
        fix: The command that fixes it; empty if there is none.
        detail: A fact behind it, which only `--json` prints; empty if there is none.
    """

    check: str
    status: str
    message: str
    fix: str = ""
    detail: str = ""


Check = Callable[[], Iterable[Finding]]


def run_checks(checks: Sequence[tuple[str, Check]]) -> list[Finding]:
    """Run checks in order; an error in a check is a finding with the status "fail", reported once.

    Args:
        checks: Names and checks.
    """
    found: list[Finding] = []
    for name, check in checks:
        try:
            for one in check():
                if not _is_repeated(one, found):
                    found.append(one)
        except NotAnswering as error:  # each check that asks the supervisor meets the same error: told once
            if not any(error.what in one.message for one in found):
                found += error_findings(name, error)
        except FlowGateError as error:
            found += [one for one in error_findings(name, error) if not _is_repeated(one, found)]
    return found


def _is_repeated(finding: Finding, found: Iterable[Finding]) -> bool:
    return finding.status == "fail" and any((one.message, one.fix) == (finding.message, finding.fix) for one in found)


def error_findings(check: str, error: FlowGateError) -> list[Finding]:
    """Convert an error of a check into findings, one for each of `MultipleErrors`.

    Args:
        check: Name of the check.
        error: What the check raised.
    """
    if isinstance(error, MultipleErrors):
        return [finding for one in error.errors for finding in error_findings(check, one)]
    command = edit_command(error.place) if error.place else error.fix
    advice = f"; {error.fix}" if error.place and error.fix else ""
    return [Finding(check, "fail", f"{error}{advice}", command)]


def config_findings(error: FlowGateError) -> list[Finding]:
    """Convert the errors in a config into findings.

    Raises:
        FlowGateError: The error names no place in the file: the config cannot be read.
    """
    if not error.place and not isinstance(error, MultipleErrors):
        raise error
    return error_findings("config", error)


def edit_command(place: str) -> str:
    """Return the command that opens an editor at `file:line[:column]`."""
    from shlex import quote

    file, _, rest = place.partition(":")
    line = rest.partition(":")[0]
    return f"${{EDITOR:-vi}} +{line} {quote(file)}" if line.isdigit() else f"${{EDITOR:-vi}} {quote(file)}"


def print_findings(findings: Sequence[Finding], *, as_json: bool, config: str, fixed: Sequence[str] = ()) -> int:
    """Print findings.

    Args:
        findings: What the checks found.
        as_json: Print one JSON document; docs/json.md describes its keys.
        config: Path of the checked config; empty if it is invalid.
        fixed: What has just been fixed, one sentence each.

    Returns:
        1 if a check has failed, else 0.
    """
    findings = [_spelled(one) for one in findings]
    counts = {status: sum(one.status == status for one in findings) for status in STATUSES}
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
            console.data(f"{one.status}  {one.check:<{NAME_WIDTH}} {one.message}")
            if one.fix:
                console.data(f"{'':<{NAME_WIDTH + 7}}fix: {one.fix}")
        console.note(", ".join(f"{count} {status}" for status, count in counts.items()))
    return 1 if counts["fail"] else 0


def _spelled(one: Finding) -> Finding:
    return replace(one, message=console.spell_commands(one.message), fix=console.spell_commands(one.fix))
