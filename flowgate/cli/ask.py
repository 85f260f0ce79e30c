"""One question through the gateway, and who served it: the quickest way to see the thing work."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flowgate.cli import console, cooldowns
from flowgate.cli.session import Session, open_session
from flowgate.errors import CheckFailed, FlowGateError, NotReady, UnknownName

HEADER = "x-litellm-"
SERVICE = "litellm"
ANSWER_SECONDS = 600.0
SHORT = 8  # characters of an id that are shown
Row = dict[str, Any]


def ask(config: str, question: str, model: str, stream: bool) -> int:
    """Ask; print the answer to stdout, and who gave it to stderr."""
    from flowgate.cli.checks.runtime import read_only_context
    from flowgate.system.http import Http

    session = open_session(config)
    console.note(session.describe())
    serving = _serving(session)
    context = read_only_context(session, [])
    models = context.stack().models
    if model and model not in models:
        raise UnknownName("model", model, known=models)
    key = context.master_key()
    headers = {"Authorization": key.bearer()} if key else {}
    url = f"http://{serving['host']}:{serving['port']}/v1/chat/completions"
    body: Row = {"model": model or models[0], "messages": [{"role": "user", "content": question}]}
    if stream:
        lines = Http().stream(url, {**body, "stream": True}, headers=headers, timeout=ANSWER_SECONDS)
        for piece in _pieces(lines):
            console.data_part(piece)
        console.data("")
    else:
        answer = Http().post(url, body, headers=headers, timeout=ANSWER_SECONDS)
        if not answer.ok:
            raise CheckFailed(f"the gateway answered {answer.status}: {answer.text[:300]}", fix="inv explain")
        console.data(_text(answer.json()))
    rows = [row for row in rows_of(session) if row["path"] == "/v1/chat/completions"]
    if rows:
        console.note(sentence(rows[-1]))
    return 0


def explain(config: str, last: int, wanted: str, as_json: bool) -> int:
    """Print who served the last requests.

    Source: keys of `--json` are documented in README.md
    """
    session = open_session(config)
    _serving(session)
    rows = [row for row in rows_of(session) if row["id"].startswith(wanted)]
    if wanted and not rows:
        raise CheckFailed(f"no answer that is still remembered has an id beginning with '{wanted}'", fix="inv explain")
    rows = rows[-last:]
    benched, unknown = _benched(session)
    if as_json:
        console.document({"answers": rows, "cooldowns": benched})
        return 0
    console.note(session.describe())
    if not rows:
        console.note("no question has been answered since LiteLLM was started")
    for row in rows:
        console.data(sentence(row))
    for one in benched or ():
        console.data(cooldowns.describe_cooldown(one))
    if unknown:
        console.note(f"note: who is benched now is not known: {unknown}")
    return 0


def _benched(session: Session) -> tuple[list[cooldowns.Row] | None, str]:
    """List whom LiteLLM benches now; None, and why, where it cannot say."""
    from flowgate.system.clock import Clock

    try:
        return cooldowns.litellm_cooldowns(session, Clock().wall()), ""
    except FlowGateError as error:
        return None, error.what


def rows_of(session: Session) -> list[Row]:
    """Gather the answers that LiteLLM's generations remember, oldest first, in words of ours."""
    return [_row(one) for one in session.supervisor.recent_requests(SERVICE)]


def _row(one: Row) -> Row:
    told = {name.removeprefix(HEADER): value for name, value in one["headers"].items()}
    return {
        "id": told.get("call-id", ""),
        "at": datetime.fromtimestamp(one["at"], UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "path": one["path"],
        "status": one["status"],
        "seconds": one.get("seconds"),
        "generation": one["generation"],
        "asked": told.get("model-group", ""),
        "answered": told.get("model-name", ""),
        "base": told.get("model-api-base", ""),
        "retries": _count(told.get("attempted-retries")),
        "fallbacks": _count(told.get("attempted-fallbacks")),
    }


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def sentence(row: Row) -> str:
    """Say in one line who served a request, and what it took."""
    took = f"{row['seconds']:.2f} s" if row["seconds"] is not None else "still under way"
    head = f"{row['at']}  {row['status']}  {took}  generation {row['generation']}  {row['id'][:SHORT]}"
    if not row["answered"]:
        return f"{head}  {row['path']}: no deployment answered"
    tries = {None: "", 0: ", at the first try"}.get(row["retries"], f", after {row['retries']} retries")
    falls = {None: "", 0: ", no fallback"}.get(row["fallbacks"], f", by fallback {row['fallbacks']}")
    asked = f"{row['asked']} " if row["asked"] else ""
    return f"{head}  {asked}answered by {row['answered']} at {row['base']}{tries}{falls}"


def _serving(session: Session) -> Row:
    generations = session.supervisor.status()["services"].get(SERVICE, {}).get("generations", ())
    serving = next((one for one in generations if one["phase"] == "serving"), None)
    if serving is None:
        raise NotReady(f"{SERVICE} is not running", fix="inv up")
    return dict(serving)


def _pieces(lines: Any) -> Any:
    """Give the words of a streamed answer as they come.

    Raises:
        CheckFailed: The stream breaks off.
    """
    from flowgate.rehearsal.stream import chunk_text, chunks

    try:
        yield from filter(None, map(chunk_text, chunks(lines)))
    except CheckFailed as broken:
        raise CheckFailed(broken.what, fix="inv explain") from None


def _text(body: Any) -> str:
    try:
        return str(body["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        raise CheckFailed(f"the answer carries no text: {str(body)[:200]}") from None
