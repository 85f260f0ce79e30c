"""The commands `ask` and `explain`: send one prompt through the gateway; print which deployment answered requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from flowgate.cli import console, cooldowns
from flowgate.cli.session import Session, open_session
from flowgate.errors import CheckFailed, FlowGateError, NotReady, UnknownName, UsageError

if TYPE_CHECKING:
    from flowgate.request_filter.recent import RecentRequest
    from flowgate.step import StepContext

HEADER = "x-litellm-"
SERVICE = "litellm"
PATH = "/v1/chat/completions"
TIMEOUT_SECONDS = 600.0
ID_WIDTH = 8  # characters of a request's id that are shown


class ServedRequest(TypedDict):
    """One request that LiteLLM has served; docs/json.md describes the keys."""

    id: str
    at: str
    path: str
    status: int
    seconds: float | None
    generation: int
    asked: str
    answered: str
    base: str
    retries: int | None
    fallbacks: int | None


def ask(config: str, question: str, model: str, stream: bool) -> int:
    """Send a question to a model; print the answer to stdout, and who answered to stderr.

    Args:
        config: Path after `--config`; empty to search for the config.
        question: The text of the user's message.
        model: A name that the gateway answers under the active profile; empty for its first model.
        stream: Print the answer as it arrives.

    Raises:
        NotReady: LiteLLM is not running.
        UnknownName: The gateway answers no such name.
        CheckFailed: The gateway returned an error, or no text.
    """
    session = open_session(config)
    console.note(session.describe())
    _ask(session, question, model, stream)
    served = [one for one in served_requests(session) if one["path"] == PATH]
    if served:
        console.note(describe_request(served[-1]))
    return 0


def _ask(session: Session, question: str, model: str, stream: bool) -> None:
    from flowgate.cli.checks.runtime import read_only_context
    from flowgate.system.http import Http

    url = f"http://{_litellm_address(session)}{PATH}"
    context = read_only_context(session, [])
    asked = _requested(context, model)
    key = context.master_key()
    headers = {"Authorization": key.bearer()} if key else {}
    body = {"model": asked, "messages": [{"role": "user", "content": question}]}
    if stream:
        lines = Http().stream(url, {**body, "stream": True}, headers=headers, timeout=TIMEOUT_SECONDS)
        for part in _stream_text(lines):
            console.data_part(part)
        console.data("")
        return
    response = Http().post(url, body, headers=headers, timeout=TIMEOUT_SECONDS)
    if not response.ok:
        raise CheckFailed(f"the gateway returned {response.status}: {response.text[:300]}", fix="inv explain")
    console.data(_answer_text(response.json()))


def _requested(context: StepContext, model: str) -> str:
    """Return the name to ask for; what LiteLLM answers beside the models counts too: aliases, patterns, ids.

    Raises:
        UnknownName: The gateway answers no such name.
        UsageError: No name was given, and the first models are patterns.
    """
    from flowgate.gateway import build
    from flowgate.gateway.model_names import ModelNames

    config, profile = context.config, context.run_state.profile.value
    names = ModelNames(build.compile_policy(config, profile, context.build_inputs()).litellm)
    askable = [one.name for one in names.names()]
    if not model:
        model = next(iter(context.stack().requestable), "")
        if not model:
            fix = f"inv ask … --model NAME, with a name that matches {' or '.join(names.patterns)}"
            raise UsageError(f"profile {profile} has only patterns of model names", fix=fix)
    elif names.ask(model) is None:
        if model in names.access_groups:
            members = ", ".join(names.access_groups[model])
            raise UsageError(f"'{model}' is an access group, no model", fix=f"ask for one of its models: {members}")
        raise UnknownName("model", model, known=askable)
    return model


def explain(config: str, last: int, id_prefix: str, as_json: bool) -> int:
    """Print which deployments answered the last requests, and LiteLLM's cooldowns.

    Args:
        config: Path after `--config`; empty to search for the config.
        last: Number of requests.
        id_prefix: Only requests whose id begins so; empty for all.
        as_json: Print one JSON document.

    Raises:
        NotReady: LiteLLM is not running.
        CheckFailed: No recorded request has that id.
    """
    session = open_session(config)
    _litellm_address(session)
    served = [one for one in served_requests(session) if one["id"].startswith(id_prefix)]
    if id_prefix and not served:
        raise CheckFailed(f"no recorded request has an id that begins with '{id_prefix}'", fix="inv explain --last 20")
    served = served[-last:]
    in_cooldown, unknown = _cooldowns(session)
    if as_json:
        console.document({"answers": served, "cooldowns": in_cooldown})
        return 0
    console.note(session.describe())
    if not served:
        console.note("LiteLLM has answered no request since it was started")
    for request in served:
        console.data(describe_request(request))
    for cooldown in in_cooldown or ():
        console.data(cooldowns.describe_cooldown(cooldown))
    if unknown:
        console.note(f"note: LiteLLM's cooldowns are not known: {unknown}")
    return 0


def _cooldowns(session: Session) -> tuple[list[cooldowns.Row] | None, str]:
    """Return LiteLLM's cooldowns; None, and why, if they are not known."""
    from flowgate.system.clock import Clock

    try:
        return cooldowns.litellm_cooldowns(session, Clock().wall()), ""
    except FlowGateError as error:
        return None, error.what


def served_requests(session: Session) -> list[ServedRequest]:
    """Return the requests that LiteLLM's generations have recorded, oldest first."""
    return [_served(one) for one in session.supervisor.recent_requests(SERVICE)]


def _served(recorded: RecentRequest) -> ServedRequest:
    headers = {name.removeprefix(HEADER): value for name, value in recorded["headers"].items()}
    at = datetime.fromtimestamp(recorded["at"], UTC)
    return {
        "id": headers.get("call-id", ""),
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "path": recorded["path"],
        "status": recorded["status"],
        "seconds": recorded.get("seconds"),
        "generation": recorded["generation"],
        "asked": headers.get("model-group", ""),
        "answered": headers.get("model-name", ""),
        "base": headers.get("model-api-base", ""),
        "retries": _count(headers.get("attempted-retries")),
        "fallbacks": _count(headers.get("attempted-fallbacks")),
    }


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def describe_request(one: ServedRequest) -> str:
    """Describe a request in one line: when, status, duration, generation, id, and which deployment answered."""
    took = f"{one['seconds']:.2f} s" if one["seconds"] is not None else "in progress"
    head = f"{one['at']}  {one['status']}  {took}  generation {one['generation']}  {one['id'][:ID_WIDTH]}"
    if not one["answered"]:
        return f"{head}  {one['path']}: no deployment answered"
    model = f"{one['asked']} " if one["asked"] else ""
    base = f" at {one['base']}" if one["base"] else ""
    retries = {None: "", 0: ", at the first try"}.get(one["retries"], f", after {one['retries']} retries")
    fallbacks = {None: "", 0: ", no fallback"}.get(one["fallbacks"], f", by fallback {one['fallbacks']}")
    return f"{head}  {model}answered by {one['answered']}{base}{retries}{fallbacks}"


def _litellm_address(session: Session) -> str:
    generations = session.supervisor.status()["services"].get(SERVICE, {}).get("generations", ())
    serving = next((one for one in generations if one["phase"] == "serving"), None)
    if serving is None:
        raise NotReady(f"{SERVICE} is not running", fix="inv up")
    return f"{serving['host']}:{serving['port']}"


def _stream_text(lines: Iterable[str]) -> Iterator[str]:
    """Yield the texts of a streamed answer as they arrive.

    Raises:
        CheckFailed: The stream broke off.
    """
    from flowgate.rehearsal.stream import chunk_text, chunks

    try:
        yield from filter(None, map(chunk_text, chunks(lines)))
    except CheckFailed as broken:
        raise CheckFailed(broken.what, fix="inv explain") from None


def _answer_text(body: Any) -> str:
    try:
        return str(body["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        raise CheckFailed(f"the answer contains no text: {str(body)[:200]}") from None
