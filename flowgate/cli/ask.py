"""The command `ask`: send one prompt through the gateway, print the answer and which deployment gave it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from flowgate.cli import console
from flowgate.cli.open_to_read import open_to_read
from flowgate.cli.request_lines import describe_request
from flowgate.cli.served_requests import litellm_address, served_requests
from flowgate.cli.session import Session
from flowgate.errors import CheckFailed, UnknownName, UsageError

if TYPE_CHECKING:
    from flowgate.step import StepContext

PATH = "/v1/chat/completions"
TIMEOUT_SECONDS = 600.0
LONGEST_MESSAGE = 400  # characters


def ask(config: str, question: str, model: str, stream: bool, as_json: bool = False) -> int:
    """Send a question to a model; print the answer to stdout, and who answered to stderr.

    Args:
        config: Path after `--config`; empty to search for the config.
        question: The text of the user's message.
        model: A name that the gateway answers under the active profile; empty for its first model.
        stream: Print the answer as it arrives.
        as_json: Print one JSON document with the answer and who gave it.

    Raises:
        UsageError: Both a stream and a document are wanted.
        NotReady: LiteLLM is not running.
        UnknownName: The gateway answers no such name.
        CheckFailed: The gateway returned an error, or no text.
    """
    if stream and as_json:
        raise UsageError("--stream and --json exclude each other", fix="leave one of them out")
    session = open_to_read(config)
    if not as_json:
        console.note(session.describe())
    asked, answer = _ask(session, question, model, stream)
    served = [one for one in served_requests(session) if one["path"] == PATH and not one["own"]]
    if as_json:
        console.document({"model": asked, "answer": answer, "request": served[-1] if served else None})
        return 0
    if not stream:
        console.data(answer)
    if served:
        for line in describe_request(served[-1]):
            console.note(line)
    return 0


def _ask(session: Session, question: str, model: str, stream: bool) -> tuple[str, str]:
    """Return the model that was asked, and its answer; a stream is printed instead."""
    from flowgate.cli.checks.runtime import read_only_context
    from flowgate.system.http import Http

    url = f"http://{litellm_address(session)}{PATH}"
    context = read_only_context(session, [])
    key = context.master_key()
    headers = {"Authorization": key.bearer()} if key else {}
    model = requested_model(context, model)
    body = {"model": model, "messages": [{"role": "user", "content": question}]}
    if stream:
        lines = Http().stream(url, {**body, "stream": True}, headers=headers, timeout=TIMEOUT_SECONDS)
        for part in _stream_text(lines):
            console.data_part(part)
        console.data("")
        return model, ""
    response = Http().post(url, body, headers=headers, timeout=TIMEOUT_SECONDS)
    if not response.ok:
        raise CheckFailed(f"the gateway returned {response.status}: {error_message(response.text)}", fix="inv explain")
    return model, _answer_text(response.json())


def requested_model(context: StepContext, model: str) -> str:
    """Return the name to ask for; what LiteLLM answers beside the models counts too: aliases, patterns, ids.

    Args:
        context: Config and profile.
        model: The typed name; empty for the profile's first.

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


def error_message(text: str) -> str:
    """Return the message of an error that the gateway returned, in one line; the whole text if it has none.

    Args:
        text: The body of the response.
    """
    try:
        found = json.loads(text)["error"]
        message = found["message"] if isinstance(found, dict) else found
    except (ValueError, KeyError, TypeError):
        message = text
    line = " ".join(str(message).split())
    return line if len(line) <= LONGEST_MESSAGE else f"{line[: LONGEST_MESSAGE - 1]}…"


def _answer_text(body: Any) -> str:
    try:
        return str(body["choices"][0]["message"]["content"])
    except (KeyError, IndexError, TypeError):
        raise CheckFailed(f"the answer contains no text: {str(body)[:200]}") from None
