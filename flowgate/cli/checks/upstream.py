"""Checks of CLIProxyAPIPlus: what FlowGate changes in the user's config, foreign providers, prompts on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from flowgate.cli.checks import runtime
from flowgate.cli.checks.finding import Finding, edit_command
from flowgate.cli.session import Session
from flowgate.context import StepContext
from flowgate.errors import FlowGateError
from flowgate.gateway import account_inventory, build, cliproxy, upstream_overrides
from flowgate.system import files

CHECK, PROMPTS = "upstream", "prompts"


class ServedModel(NamedTuple):
    """A model that the running program lists: its name and its provider."""

    name: str
    owner: str


def upstream(session: Session) -> Iterator[Finding]:
    """Check that no setting of the user's is ignored or replaced, and that no provider is used without an account."""
    context = runtime.read_only_context(session, [])
    inputs = context.build_inputs()
    policy = build.compile_policy(session.config, context.run_state.profile.value, inputs)
    found = [Finding(CHECK, "warn", line, _edit(session, line)) for line in (*policy.notes, *policy.warnings)]
    own = build.own_settings(session.config, inputs).settings
    accounts = account_inventory.with_keys(inputs.accounts, own)
    found += _foreign(_served(context), accounts)
    yield from found
    if not found:
        yield Finding(CHECK, "pass", "CLIProxyAPIPlus gets your settings unchanged, and uses your accounts only")


def _edit(session: Session, sentence: str) -> str:
    """Return the command that opens an editor at the first `file:line` of a sentence."""
    known = (str(cliproxy.user_config(session.config)), str(session.config.file))
    places = [place for file in known for place in re.findall(f"{re.escape(file)}:\\d+", sentence)]
    return edit_command(places[0] if places else known[1])


def _foreign(served: list[ServedModel], accounts: dict[str, int]) -> list[Finding]:
    """Find models of providers that take requests without an account of the user's."""
    found = []
    for provider, types in upstream_overrides.ANONYMOUS.items():
        names = sorted(one.name for one in served if one.owner == provider)
        if names and not any(accounts.get(one) for one in types):
            message = f"CLIProxyAPIPlus offers {len(names)} models of {provider}, where you have no account"
            message += f" ({names[0]}, …): a request for one of them is sent there"
            found.append(Finding(CHECK, "warn", message, f"inv service.restart --service {cliproxy.NAME}"))
    return found


def _served(context: StepContext) -> list[ServedModel]:
    """Return the models of the running program; empty if it does not run or returns no list."""
    running, key = context.supervisor.generation(cliproxy.NAME), context.key(cliproxy.UPSTREAM_KEY)
    if running is None or key is None or cliproxy.is_embedded(context.config):
        return []
    url = f"http://{running['host']}:{running['port']}/v1/models"
    try:
        listed = context.http.get(url, headers={"Authorization": key.bearer()}).json()["data"]
        return [ServedModel(str(one["id"]), str(one.get("owned_by"))) for one in listed]
    except (FlowGateError, AttributeError, KeyError, TypeError):  # `health` reports what is wrong with it
        return []


def prompts(session: Session) -> Iterator[Finding]:
    """Check that CLIProxyAPIPlus has written no prompts to the disk."""
    folder = cliproxy.request_log_folder(session.config)
    written = request_logs(folder)
    if written:
        message = f"{len(written)} files in {folder} hold whole requests with their prompts (the newest: {written[0]})"
        yield Finding(PROMPTS, "warn", message, f"rm -r {quote(str(folder))}")
    else:
        yield Finding(PROMPTS, "pass", "CLIProxyAPIPlus has written no prompts to the disk")


def request_logs(folder: Path) -> list[str]:
    """Return the names of the files in which CLIProxyAPIPlus wrote requests, newest first.

    Args:
        folder: The program's log folder; its own log (`main.log`) lies there too.
    """
    return [path.name for path in files.listing(folder, "*.log") if not path.name.startswith("main")]
