"""The command `litellm list`: which versions of LiteLLM are installed, in force and on offer."""

from __future__ import annotations

from functools import partial
from typing import TypedDict

from flowgate.cli import console
from flowgate.cli.litellm_version import SERVICE
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.session import Session
from flowgate.domain import LiteLLMEnvironment
from flowgate.gateway import litellm_in_force
from flowgate.gateway.litellm_environments import BUNDLED, LABEL, EnvironmentRecord
from flowgate.litellm_versions import environments, offers
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.offers import Offers
from flowgate.system import files, tempdirs
from flowgate.system.clock import Clock

NOT_ASKED = "not asked (--offline)"


class EnvironmentRow(TypedDict):
    """An environment, as `--json` prints it."""

    version: str
    bundled: bool
    in_force: bool
    previous: bool
    python: str
    built: str
    source: str


def list_versions(config: str, offline: bool, as_json: bool) -> int:
    """Print the environments of LiteLLM, and what the package index offers.

    Args:
        config: Path after `--config`; empty to search for the config.
        offline: Do not ask the package index.
        as_json: Print one JSON document.

    Returns:
        0, also if the index cannot be asked: what is installed is known all the same.
    """
    session = open_to_read(config)
    serving = partial(session.supervisor.serving_label, SERVICE, LABEL)
    record = litellm_in_force.record(session.config, files.read_text_or_none, serving)
    found = [litellm_in_force.bundled(), *environments.environments(session.config)]
    rows = [_row(session, one, record) for one in found]
    offered = Offers(refused=offers.blocked(), error=NOT_ASKED) if offline else _ask(session)
    if as_json:
        refused = [{"version": one.version, "reason": one.reason} for one in offered.refused]
        index = {"newest": offered.newest, "installable": offered.installable, "error": offered.error}
        console.document({"environments": rows, "index": index, "refused": refused})
        return 0
    console.note(session.describe())
    if record.in_force not in (BUNDLED, *(one.version for one in found)):
        what = f"warning: the environment in force, that of LiteLLM {record.in_force}, is missing or not complete"
        console.note(f"{what}: inv litellm.rollback")
    console.table([["version", "", "built", "from"], *(_cells(row) for row in rows)])
    _print_offers(offered)
    return 0


def _row(session: Session, one: LiteLLMEnvironment, record: EnvironmentRecord) -> EnvironmentRow:
    name = BUNDLED if one.bundled else one.version
    receipt = None if one.bundled else environments.receipt(session.config, one.version)
    return {
        "version": one.version,
        "bundled": one.bundled,
        "in_force": name == record.in_force,
        "previous": name == record.previous,
        "python": str(one.python),
        "built": receipt.built if receipt else "",
        "source": receipt.source if receipt else "",
    }


def _cells(row: EnvironmentRow) -> list[str]:
    state = "in force" if row["in_force"] else "previous" if row["previous"] else ""
    source = "came with FlowGate" if row["bundled"] else row["source"]
    return [row["version"] or "not installed", state, row["built"], source]


def _ask(session: Session) -> Offers:
    console.note("asking the package index (--offline leaves this out)")
    clock = Clock()
    with tempdirs.folder("flowgate-litellm-list-") as folder:
        tools = BuildTools(session.config, session.environment, clock.wall(), console.note, console.note)
        return offers.ask_index(folder, tools)


def _print_offers(offered: Offers) -> None:
    if offered.error:
        console.note(f"package index: {offered.error}")
    else:
        none = "none that can be installed here"
        console.data(f"newest of the package index: {offered.newest or 'none'}")
        console.data(console.spell_commands(f"inv litellm.upgrade would take: {offered.installable or none}"))
    console.table([["not taken", "because"], *([one.version, one.reason] for one in offered.refused)])
