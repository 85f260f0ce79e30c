"""The command `explain`: which deployments were tried for a request, which one answered, and what it cost."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from flowgate.cli import budgets, console, cooldowns, litellm_version, usage
from flowgate.cli.arguments import count
from flowgate.cli.event_log import earliest
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.request_lines import describe_request
from flowgate.cli.served_requests import ID_HEADER, SERVICE, litellm_address, past_request, served_request
from flowgate.cli.session import Session
from flowgate.errors import CheckFailed, FlowGateError, NotReady
from flowgate.ledger import database, history
from flowgate.ledger.history import Wanted

if TYPE_CHECKING:
    from flowgate.cli.served_requests import ServedRequest

SEVERAL = 20  # requests that a filter shows, if nobody says how many


def explain(config: str, wanted: Wanted, as_json: bool) -> int:
    """Print which deployments were tried for requests, which one answered, and LiteLLM's cooldowns.

    Args:
        config: Path after `--config`; empty to search for the config.
        wanted: Which requests.
        as_json: Print one JSON document.

    Raises:
        NotReady: LiteLLM is not running, and no such request is recorded.
        CheckFailed: No recorded request has that id.
        EnvironmentFailure: The ledger cannot be read.
    """
    session = open_to_read(config)
    is_running = _is_running(session)
    found, own = find(session, wanted)
    if wanted.id_prefix and not found:
        what = f"no recorded request has an id that begins with '{wanted.id_prefix}'"
        raise CheckFailed(what, fix="inv explain --last 20")
    if not found and not is_running and wanted == Wanted(last=wanted.last):
        litellm_address(session)
    in_cooldown, unknown = _cooldowns(session) if is_running else (None, "")
    version = session.supervisor.serving_label(SERVICE, litellm_version.VERSION_LABEL) or ""
    if as_json:
        console.document({"answers": found, "cooldowns": in_cooldown, "litellm": version})
        return 0
    console.note(session.describe() + (f"; LiteLLM {version} serves" if version else ""))
    if not is_running:
        console.note(f"{SERVICE} is not running; this is what the ledger holds")
    if not found:
        console.note(_none(session, wanted, own))
    for request in found:
        for line in describe_request(request, version):
            console.data(line)
    for cooldown in in_cooldown or ():
        console.data(cooldowns.describe_cooldown(cooldown))
    if unknown:
        console.note(f"note: LiteLLM's cooldowns are not known: {unknown}")
    budgets.print_exhausted(budgets.exhausted(session))
    return 0


def read_wanted(last: str, id_prefix: str, failed: bool, slow: bool, since: str) -> Wanted:
    """Return which requests the flags name.

    Args:
        last: How many; empty: one, or several with a filter.
        id_prefix: The beginning of the id; empty for any.
        failed: Only those that failed.
        slow: The slowest ones.
        since: A duration before now, or a timestamp; empty for all.

    Raises:
        InvalidValue: One of them has another form.
    """
    default = SEVERAL if failed or slow or since else 1
    begin = datetime.fromisoformat(earliest(since)).timestamp() if since else 0.0
    return Wanted(id_prefix, failed, slow, begin, count("last", last) if last else default)


def find(session: Session, wanted: Wanted) -> tuple[list[ServedRequest], int]:
    """Return requests that the running generations still know, and those in the ledger.

    Args:
        session: Config and supervisor.
        wanted: Which ones.

    Returns:
        The requests: oldest first, or fastest first. And how many of FlowGate's own were left out.
    """
    from flowgate.supervisor import recording

    rows = session.supervisor.recent_requests(SERVICE)
    versions = _versions(session)
    pairs = [(row, recording.entry(row, 0, 0, ID_HEADER)) for row in rows]
    past = list(map(past_request, _past(session, wanted)))
    found: list[ServedRequest] = []
    for row, entry in pairs:
        if history.matches(entry, wanted):
            one = served_request(row)
            recorded = _take(past, one)
            one["error"] = entry.request.error
            one["profile"] = recorded["profile"] if recorded else ""
            one["litellm"] = recorded["litellm"] if recorded else versions.get(one["generation"], "")
            found.append(one)
    found += past
    found.sort(key=lambda one: (one["seconds"] or 0.0) if wanted.slow else one["at"])
    return found[-wanted.last :], sum(bool(row.get("own")) for row in rows)


def _take(past: list[ServedRequest], one: ServedRequest) -> ServedRequest | None:
    """Take a request that a generation still knows from those of the ledger, which has no id of one in progress."""
    for number, other in enumerate(past):
        is_same = other["id"] == one["id"] or (not other["id"] and one["path"].startswith(other["path"]))
        if is_same and other["at"] == one["at"]:
            return past.pop(number)
    return None


def _versions(session: Session) -> dict[int, str]:
    """Return the version of LiteLLM that each generation runs."""
    generations = session.supervisor.status()["services"].get(SERVICE, {}).get("generations", ())
    return {one["number"]: one["labels"].get(litellm_version.VERSION_LABEL, "") for one in generations}


def _past(session: Session, wanted: Wanted) -> list[history.Past]:
    path = usage.ledger_path(session)
    connection = database.open_to_read(path)
    if connection is None:
        return []
    with database.translate_errors(path):
        try:
            return history.find(connection, wanted)
        finally:
            connection.close()


def _is_running(session: Session) -> bool:
    try:
        litellm_address(session)
    except NotReady:
        return False
    return True


def _none(session: Session, wanted: Wanted, own: int) -> str:
    if wanted.failed or wanted.since:
        return "no such request is recorded"
    but = f", but for {own} of FlowGate's own" if own else ""
    return f"LiteLLM has received no request since it was started{but}"


def _cooldowns(session: Session) -> tuple[list[cooldowns.Row] | None, str]:
    """Return LiteLLM's cooldowns; None, and why, if they are not known."""
    from flowgate.system.clock import Clock

    try:
        return cooldowns.litellm_cooldowns(session, Clock().wall()), ""
    except FlowGateError as error:
        return None, error.what
