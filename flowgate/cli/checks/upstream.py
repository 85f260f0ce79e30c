"""Checks of CLIProxyAPIPlus: what FlowGate changes in the user's config, foreign providers, prompts on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, NamedTuple

from flowgate.cli.checks import runtime
from flowgate.cli.checks.finding import Finding, edit_command
from flowgate.cli.session import Session
from flowgate.context import StepContext
from flowgate.errors import FlowGateError
from flowgate.gateway import account_inventory, build, cliproxy, install_record, upstream_overrides
from flowgate.steps._replaced_program import RESTART, replaced_program
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.domain import UpstreamSettings

MODELS_SECONDS = 2.0  # to list the models of a running program
CHECK, PROMPTS = "upstream", "prompts"


class ServedModel(NamedTuple):
    """A model that the running program lists: its name and its provider."""

    name: str
    owner: str


def upstream(session: Session) -> Iterator[Finding]:
    """Check that no setting of the user's is ignored or replaced, and that no provider is used without an account."""
    if not cliproxy.is_configured(session.config):
        yield _absent(session)
        return
    context = runtime.read_only_context(session, [])
    inputs = context.build_inputs()
    policy = build.compile_policy(session.config, context.run_state.profile.value, inputs)
    found = [Finding(CHECK, "warn", line, _edit(session, line)) for line in (*policy.notes, *policy.warnings)]
    own = build.own_settings(session.config, inputs).settings
    accounts = account_inventory.with_keys(inputs.accounts, own)
    edit = edit_command(str(cliproxy.user_config(session.config) or session.config.file))
    found += foreign(_served(context), accounts, _excluded(policy.cliproxy), edit)
    replaced = replaced_program(context)
    found += [Finding(CHECK, "warn", replaced, RESTART)] if replaced else []
    yield from found
    if not found:
        yield Finding(CHECK, "pass", "CLIProxyAPIPlus gets your settings unchanged, and uses your accounts only")


def _absent(session: Session) -> Finding:
    """Report that the gateway has no CLIProxyAPIPlus, and whether one is installed all the same."""
    if session.config.remote:
        where = session.config.remote.url
        return Finding(
            CHECK, "pass", f"CLIProxyAPIPlus runs at {where}: no program, settings or accounts of it are here"
        )
    program = install_record.install_paths(session.config).program
    alone = f"the gateway has no CLIProxyAPIPlus (no services.{cliproxy.NAME}): LiteLLM calls the providers itself"
    if not program.exists():
        return Finding(CHECK, "pass", alone)
    what = f"{alone}; {program} is installed and is not started"
    return Finding(CHECK, "warn", what, edit_command(session.config.place("services")))


def _excluded(settings: UpstreamSettings) -> list[str]:
    """Return the providers of which all models are excluded."""
    listed: object = settings.get("oauth-excluded-models")
    return [name for name, models in listed.items() if "*" in (models or ())] if isinstance(listed, dict) else []


def _edit(session: Session, sentence: str) -> str:
    """Return the command that opens an editor at the first `file:line` of a sentence."""
    known = (str(cliproxy.user_config(session.config)), str(session.config.file))
    places = [place for file in known for place in re.findall(f"{re.escape(file)}:\\d+", sentence)]
    return edit_command(places[0] if places else known[1])


def foreign(
    served: list[ServedModel], accounts: Mapping[str, int], excluded: Iterable[str], edit: str = ""
) -> list[Finding]:
    """Find models whose provider takes requests without an account of the user's.

    Args:
        served: The models of the running program.
        accounts: Provider → accounts and keys in use.
        excluded: The providers whose models the rendered config excludes.
        edit: The command that opens the user's own config.
    """
    names: dict[str, list[str]] = {}
    for one in served:
        names.setdefault(one.owner, []).append(one.name)
    found = []
    for provider, listed in sorted(names.items()):
        types = upstream_overrides.ANONYMOUS.get(provider)
        if any(accounts.get(one) for one in types) if types else any(accounts.values()):
            continue
        count = "1 model" if len(listed) == 1 else f"{len(listed)} models"
        message = f"CLIProxyAPIPlus offers {count} of {provider}, where you have no account ({min(listed)}"
        message += f"{', …' if len(listed) > 1 else ''}): a request for one of them is sent there"
        if provider in excluded:
            found.append(Finding(CHECK, "warn", message, f"inv service.restart --service {cliproxy.NAME}"))
        else:
            message += f"; `oauth-excluded-models: {{{provider}: ['*']}}` in your CLIProxyAPIPlus config prevents it"
            found.append(Finding(CHECK, "warn", message, edit))
    return found


def _served(context: StepContext) -> list[ServedModel]:
    """Return the models of the running program; empty if it does not run or returns no list."""
    running, key = context.supervisor.generation(cliproxy.NAME), context.key(cliproxy.UPSTREAM_KEY)
    if running is None or key is None or cliproxy.is_embedded(context.config):
        return []
    url = f"http://{running['host']}:{running['port']}/v1/models"
    try:
        listed = context.http.get(url, headers={"Authorization": key.bearer()}, timeout=MODELS_SECONDS).json()["data"]
        return [ServedModel(str(one["id"]), str(one.get("owned_by"))) for one in listed]
    except (FlowGateError, AttributeError, KeyError, TypeError):  # `health` reports what is wrong with it
        return []


def prompts(session: Session) -> Iterator[Finding]:
    """Check that CLIProxyAPIPlus has written no prompts to the disk, and will not."""
    folder = cliproxy.request_log_folder(session.config)
    written, asked_for = request_logs(folder), _asked_for(session)
    if written:
        count = "1 file" if len(written) == 1 else f"{len(written)} files"
        message = f"{count} in {folder} with whole requests and their prompts (the newest: {written[0]})"
        yield Finding(PROMPTS, "warn", message, f"rm -r {quote(str(folder))}")
    yield from asked_for or ()
    if not written and not cliproxy.is_configured(session.config):
        yield Finding(PROMPTS, "pass", "there is no CLIProxyAPIPlus that could write prompts to the disk")
    elif not (written or asked_for):
        known = "; its config cannot be read (see `doctor`)" if asked_for is None else ", and its settings prevent it"
        yield Finding(PROMPTS, "pass", f"CLIProxyAPIPlus has written no prompts to the disk{known}")


def _asked_for(session: Session) -> list[Finding] | None:
    """Find the settings of the user's own with which the program writes prompts; None if they cannot be read."""
    try:
        inputs = replace(runtime.read_only_context(session, []).build_inputs(), upstream_version="")
        own = build.own_settings(session.config, inputs)
    except FlowGateError:
        return None
    return [Finding(PROMPTS, "warn", line, _edit(session, line)) for line in upstream_overrides.logged_prompts(own)]


def request_logs(folder: Path) -> list[str]:
    """Return the names of the files in which CLIProxyAPIPlus wrote requests, newest first.

    Args:
        folder: The program's log folder; its own log (`main.log`) lies there too.
    """
    return [path.name for path in files.listing(folder, "*.log") if not path.name.startswith("main")]
