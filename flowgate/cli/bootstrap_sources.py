"""The command `bootstrap sources`: where CLIProxyAPIPlus can be had, and what each source changes."""

from __future__ import annotations

from typing import TypedDict

from flowgate.accounts import installed_program
from flowgate.accounts.providers import PROVIDERS
from flowgate.cli import console
from flowgate.gateway import upstream_sources
from flowgate.gateway.upstream_sources import SOURCES, UpstreamSource

COMMAND = "inv bootstrap.download --source"
NOBODY = "nobody vouches for these programs: FlowGate's authors have audited none, and never use one without being told"


class SourceRow(TypedDict):
    """One source, as `--json` prints it; docs/json.md describes the keys."""

    name: str
    repo: str
    line: str
    version: str
    since: str
    until: str
    newest: str
    tried: list[str]
    about: str
    providers: list[str]
    by_command_line: list[str]
    changes: list[str]
    vouches: str
    command: str


def print_sources(as_json: bool) -> int:
    """Print the sources of CLIProxyAPIPlus.

    Args:
        as_json: Print a JSON document.

    Returns:
        The exit code.
    """
    rows = [source_row(one) for one in SOURCES]
    if as_json:
        console.document({"sources": rows})
        return 0
    head = ["source", "repository", "release", "state", "logs in to"]
    console.table([head, *map(_cells, rows)])
    for one in rows:
        console.data(f"{one['name']}: {one['about']}")
        for line in one["changes"]:
            console.data(f"  {line}")
    console.note(NOBODY)
    console.note(f"to install one: {COMMAND} NAME; or use a file of your own: inv bootstrap.download --from-file FILE")
    console.note("without CLIProxyAPIPlus, API keys and local models work: inv init --southbound none")
    return 0


def source_row(source: UpstreamSource) -> SourceRow:
    """Return a source with what is known of its line.

    Args:
        source: The source.
    """
    program = installed_program.recorded(source.version if source.line else "")
    logins = [one.name for one in PROVIDERS if source.line and one.login_path(source.version)]
    flags = [one.name for one in PROVIDERS if one.cli_flag and program.has_flag(one.cli_flag)]
    return {
        "name": source.name,
        "repo": source.repo,
        "line": source.line,
        "version": source.version,
        "since": source.since,
        "until": source.until,
        "newest": source.newest,
        "tried": list(source.tried),
        "about": source.about,
        "providers": logins,
        "by_command_line": [name for name in flags if name not in logins],
        "changes": list(upstream_sources.changes(source.line)),
        "vouches": upstream_sources.VOUCHES,
        "command": "" if source.until else f"{COMMAND} {source.name}",
    }


def _cells(row: SourceRow) -> list[str]:
    newest = f"newest seen: {row['newest']}" if row["newest"] else "not known"
    state = f"gone since {row['until']}" if row["until"] else newest
    by_hand = [f"{name} (by its own command line)" for name in row["by_command_line"]]
    return [row["name"], row["repo"], row["version"], state, ", ".join([*row["providers"], *by_hand]) or "not known"]
