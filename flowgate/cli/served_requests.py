"""The command `explain`: print what was asked, which deployments were tried, and which one answered."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, TypedDict

from flowgate.cli import console, cooldowns, litellm_version
from flowgate.cli.session import Session, open_session
from flowgate.errors import CheckFailed, FlowGateError, NotReady

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowgate.request_filter.recent import Attempt, RecentRequest

HEADER = "x-litellm-"
SERVICE = "litellm"
ID_WIDTH = 8  # characters of a request's id that are shown


class TriedDeployment(TypedDict):
    """One attempt of a request; docs/json.md describes the keys."""

    model: str
    deployment: str
    id: str
    host: str
    seconds: float | None
    status: int | None
    error: str
    obstacle: str


class ServedRequest(TypedDict):
    """One request that LiteLLM has received; docs/json.md describes the keys."""

    id: str
    at: str
    path: str
    status: int | None
    seconds: float | None
    generation: int
    own: bool
    client: str
    count: int
    refused: str
    asked: str
    leads_to: str
    answered: str
    base: str
    retries: int | None
    fallbacks: int | None
    attempts: list[TriedDeployment] | None


def explain(config: str, last: int, id_prefix: str, as_json: bool) -> int:
    """Print which deployments were tried for the last requests, which one answered, and LiteLLM's cooldowns.

    Args:
        config: Path after `--config`; empty to search for the config.
        last: Number of requests.
        id_prefix: Only requests whose id begins so; empty for all but FlowGate's own.
        as_json: Print one JSON document.

    Raises:
        NotReady: LiteLLM is not running.
        CheckFailed: No recorded request has that id.
    """
    session = open_session(config)
    litellm_address(session)
    received = served_requests(session)
    served = [one for one in received if one["id"].startswith(id_prefix) and (id_prefix or not one["own"])]
    if id_prefix and not served:
        raise CheckFailed(f"no recorded request has an id that begins with '{id_prefix}'", fix="inv explain --last 20")
    served = served[-last:]
    in_cooldown, unknown = _cooldowns(session)
    version = session.supervisor.serving_label(SERVICE, litellm_version.VERSION_LABEL) or ""
    if as_json:
        console.document({"answers": served, "cooldowns": in_cooldown, "litellm": version})
        return 0
    console.note(session.describe() + (f"; LiteLLM {version} serves" if version else ""))
    if not served:
        but = f", but for {own} of FlowGate's own" if (own := sum(one["own"] for one in received)) else ""
        console.note(f"LiteLLM has received no request since it was started{but}")
    for request in served:
        for line in describe_request(request):
            console.data(line)
    for cooldown in in_cooldown or ():
        console.data(cooldowns.describe_cooldown(cooldown))
    if unknown:
        console.note(f"note: LiteLLM's cooldowns are not known: {unknown}")
    return 0


def litellm_address(session: Session) -> str:
    """Return host and port of LiteLLM's public listener.

    Args:
        session: Config and supervisor.

    Raises:
        NotReady: LiteLLM is not running.
    """
    generations = session.supervisor.status()["services"].get(SERVICE, {}).get("generations", ())
    serving = next((one for one in generations if one["phase"] == "serving"), None)
    if serving is None:
        raise NotReady(f"{SERVICE} is not running", fix="inv up")
    return f"{serving['host']}:{serving['port']}"


def _cooldowns(session: Session) -> tuple[list[cooldowns.Row] | None, str]:
    """Return LiteLLM's cooldowns; None, and why, if they are not known."""
    from flowgate.system.clock import Clock

    try:
        return cooldowns.litellm_cooldowns(session, Clock().wall()), ""
    except FlowGateError as error:
        return None, error.what


# --- rows


def served_requests(session: Session) -> list[ServedRequest]:
    """Return the requests that LiteLLM's generations have recorded, oldest first.

    Args:
        session: Config and supervisor.
    """
    return [served_request(one) for one in session.supervisor.recent_requests(SERVICE)]


def served_request(recorded: RecentRequest) -> ServedRequest:
    """Return a recorded request as `--json` prints it.

    Args:
        recorded: The worker's row. One of an earlier FlowGate has no attempts; its response headers say who answered.
    """
    headers = {name.removeprefix(HEADER): value for name, value in recorded.get("headers", {}).items()}
    tried = recorded.get("attempts")
    attempts = [_tried(one) for one in tried] if tried is not None else None
    status = recorded.get("status")
    answering = _answering(attempts, status)
    has_answered = status is not None and status < 400 and not attempts
    retries, fallbacks = _repeats(attempts, headers)
    return {
        "id": headers.get("call-id", ""),
        "at": datetime.fromtimestamp(recorded["at"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "path": recorded["path"],
        "status": status,
        "seconds": recorded.get("seconds"),
        "generation": recorded["generation"],
        "own": recorded.get("own", False),
        "client": recorded.get("client", ""),
        "count": recorded.get("count", 1),
        "refused": recorded.get("refused", ""),
        "asked": recorded.get("model") or (attempts[0]["model"] if attempts else headers.get("model-group", "")),
        "leads_to": recorded.get("leads_to", ""),
        "answered": answering["deployment"] if answering else headers.get("model-name", "") if has_answered else "",
        "base": (answering["host"] if answering else headers.get("model-api-base", "") if has_answered else ""),
        "retries": retries,
        "fallbacks": fallbacks,
        "attempts": attempts,
    }


def _tried(one: Attempt) -> TriedDeployment:
    return {
        "model": one["model"],
        "deployment": one["deployment"],
        "id": one["id"],
        "host": one["host"],
        "seconds": one["seconds"],
        "status": one["status"],
        "error": one["error"],
        "obstacle": one.get("obstacle", ""),
    }


def _answering(attempts: list[TriedDeployment] | None, status: int | None) -> TriedDeployment | None:
    """Return the attempt whose answer the client got."""
    last = attempts[-1] if attempts else None
    return last if last and not last["error"] and status is not None and status < 400 else None


def _repeats(attempts: list[TriedDeployment] | None, headers: dict[str, str]) -> tuple[int | None, int | None]:
    """Return the number of retries and fallbacks: counted, or as LiteLLM's headers report them."""
    if attempts:
        fallbacks = sum(one["model"] != other["model"] for one, other in pairwise(attempts))
        return len(attempts) - 1 - fallbacks, fallbacks
    return _count(headers.get("attempted-retries")), _count(headers.get("attempted-fallbacks"))


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


# --- text


def describe_request(one: ServedRequest) -> Iterator[str]:
    """Describe a request: one line, and one more for each attempt if there were several, or if none succeeded.

    Args:
        one: The request.
    """
    took = f"{one['seconds']:.2f} s" if one["seconds"] is not None else "in progress"
    about = [one["at"], str(one["status"] or "-"), took, f"generation {one['generation']}", one["id"][:ID_WIDTH]]
    yield f"{'  '.join(part for part in about if part)}  {_outcome(one)}"
    attempts = one["attempts"] or []
    if len(attempts) > 1 or (attempts and not one["answered"]):
        for number, attempt in enumerate(attempts, 1):
            yield f"    {number}. {_describe_attempt(attempt)}"


def _outcome(one: ServedRequest) -> str:
    asked = "".join(f"{name} " for name in (one["asked"], one["leads_to"] and f"({one['leads_to']})") if name)
    own = "(sent by FlowGate) " if one["own"] else f"{one['client']}: " if one["client"] else ""
    if one["answered"]:
        base = f" at {one['base']}" if one["base"] else ""
        retries = {None: "", 0: ", at the first try"}.get(one["retries"], f", after {_many(one['retries'], 'retry')}")
        retries = "" if one["fallbacks"] and not one["retries"] else retries
        fallbacks = {None: "", 0: ", no fallback"}.get(one["fallbacks"], f", by fallback {one['fallbacks']}")
        return f"{own}{asked}answered by {one['answered']}{base}{retries}{fallbacks}"
    if one["status"] is None:
        return f"{own}{asked}{one['path']}: in progress"
    if one["status"] < 400 and not one["attempts"]:
        return f"{own}{asked}{one['path']}: who answered is not known"
    if one["refused"]:
        times = f" (the last of {one['count']} such requests)" if one["count"] > 1 else ""
        return f"{own}{asked}{one['path']}: refused by FlowGate: {one['refused']}{times}"
    was_refused = one["attempts"] == [] or (one["attempts"] is None and one["status"] in (401, 403))
    return f"{own}{asked}{one['path']}: no deployment {'was asked' if was_refused else 'answered'}"


def _many(count: int | None, noun: str) -> str:
    return f"1 {noun}" if count == 1 else f"{count} {noun[:-1]}ies"


def _describe_attempt(one: TriedDeployment) -> str:
    where = f"{one['deployment']} at {one['host']}" if one["host"] else one["deployment"]
    who = f"{one['model']}: {where}" if where else f"{one['model']}: no deployment is available"
    took = f" after {one['seconds']:.2f} s" if one["seconds"] is not None and where else ""
    if one["error"] == "not asked":
        return f"{who}: not asked: {one['obstacle']}"
    status = f" ({one['status']})" if one["status"] else ""
    reason = f": {one['obstacle']}" if one["obstacle"] and one["obstacle"] != one["error"] else ""
    return f"{who}: {one['error'] or 'answered'}{status}{reason}{took}"
