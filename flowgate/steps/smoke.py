"""Ask real questions through LiteLLM and check the answers."""

from collections.abc import Callable
from typing import Any

from flowgate.errors import CheckFailed, FlowGateError, NotReady
from flowgate.gateway import cliproxy
from flowgate.rehearsal import stream
from flowgate.step import Change, Facts, Result, StepContext, change
from flowgate.steps.wait_healthy import LOG_LINES, address, place
from flowgate.system.clock import poll

QUESTION = "Answer with one short sentence: are you there?"
LEAVING = ("draining", "stopping")
DEATH_SECONDS = 0.5  # how long a failed question waits to learn that a service has died under it
SIGNATURE = "embedded upstream"  # what every answer of the embedded upstream says of itself


def smoke(context: StepContext, live: bool = False) -> Result | Change:
    """Ask real questions through LiteLLM: its models, a chat answer, a streamed one, a `/v1/messages` one.

    Args:
        context: Tools and state of this run.
        live: Ask for model answers over real accounts too (costs money); over the embedded upstream they are
            always asked.

    Returns:
        Base (the address that was asked), answers (list of question, seconds, said).

    Raises:
        CheckFailed: A question that is not answered as it should be.
    """
    embedded = cliproxy.is_embedded(context.config)
    questions = ["models", "chat", "stream", "messages"] if embedded or live else ["models"]

    def apply(r: StepContext) -> Facts:
        return _ask_all(r, questions, embedded)

    over = (
        "the embedded upstream" if embedded else "real accounts" + (" (costs money)" if live else ", only what is free")
    )
    return change(f"ask {', '.join(questions)} over {over}", apply, changes=False)


def _ask_all(context: StepContext, questions: list[str], embedded: bool) -> Facts:
    before = _generations(context)
    newest = context.supervisor.generation("litellm")
    if newest is None:
        raise NotReady("litellm is not running", fix="inv up")
    service = context.stack().services["litellm"]
    serving = newest["phase"] == "serving"
    base = f"http://{newest['host']}:{newest['port']}" if serving else address(context, service, newest)
    asks: dict[str, Callable[[StepContext, str], str]] = {
        "models": _models,
        "chat": _chat,
        "stream": _stream,
        "messages": _messages,
    }
    answers = []
    for question in questions:
        began = context.clock.now()
        try:
            message = asks[question](context, base)
            if embedded and question != "models" and SIGNATURE not in message:
                raise CheckFailed(f"the {question} answer did not come from the embedded upstream: {message[:80]!r}")
        except FlowGateError as error:
            raise _explained(context, question, error, before) from None
        seconds = round(context.clock.now() - began, 3)
        answers.append({"question": question, "seconds": seconds, "message": message})
        context.emit(f"  {question:<9} {message[:70]:<70} {seconds:6.2f} s")
    over = "the embedded upstream" if embedded else "real accounts"
    return {"base": base, "answers": answers, "message": f"{len(answers)} of {len(questions)} answered over {over}"}


def _headers(context: StepContext) -> dict[str, Any]:
    key = context.master_key()
    return {"Authorization": key.bearer()} if key else {}


def _models(context: StepContext, base: str) -> str:
    answer = context.http.get(f"{base}/v1/models", headers=_headers(context), timeout=30.0)
    listed = [one.get("id") for one in _good(answer.status, answer.text, answer.json()).get("data", ())]
    absent = [name for name in context.stack().models if name not in listed]
    if absent:
        raise CheckFailed(
            f"LiteLLM does not list {', '.join(absent)}; it lists {', '.join(map(str, listed)) or 'nothing'}"
        )
    return f"{len(listed)} listed: {', '.join(map(str, listed))}"


def _body(context: StepContext, **more: object) -> dict[str, object]:
    question = [{"role": "user", "content": QUESTION}]
    return {"model": context.stack().models[0], "messages": question, "max_tokens": 100, **more}


def _chat(context: StepContext, base: str) -> str:
    answer = context.http.post(f"{base}/v1/chat/completions", _body(context), headers=_headers(context))
    body = _good(answer.status, answer.text, answer.json())
    return _text("chat", lambda: body["choices"][0]["message"]["content"])


def _stream(context: StepContext, base: str) -> str:
    lines = context.http.stream(f"{base}/v1/chat/completions", _body(context, stream=True), headers=_headers(context))
    message = "".join(map(stream.chunk_text, stream.chunks(lines)))
    return _text("stream", lambda: message)


def _messages(context: StepContext, base: str) -> str:
    answer = context.http.post(f"{base}/v1/messages", _body(context), headers=_headers(context))
    body = _good(answer.status, answer.text, answer.json())
    return _text("messages", lambda: next(part["text"] for part in body["content"] if part.get("type") == "text"))


def _good(status: int, text: str, body: Any) -> dict[str, Any]:
    if not 200 <= status < 300 or not isinstance(body, dict):
        raise CheckFailed(f"LiteLLM answered {status}: {text[:300]}")
    return body


def _text(question: str, take: Callable[[], Any]) -> str:
    try:
        message = take()
    except (KeyError, IndexError, TypeError, StopIteration):
        message = None
    if not isinstance(message, str) or not message.strip():
        raise CheckFailed(f"the {question} answer carries no text")
    return " ".join(message.split())


def _generations(context: StepContext) -> dict[str, tuple[list[int], int]]:
    """Give the generations that are to stay, and how often each service was revived."""
    services = context.supervisor.status()["services"]
    return {
        name: ([g["number"] for g in one["generations"] if g["phase"] not in LEAVING], one["restarts"])
        for name, one in services.items()
    }


def _dead(context: StepContext, before: dict[str, tuple[list[int], int]]) -> list[str]:
    now = _generations(context)
    return [name for name, was in before.items() if now.get(name) != was]


def _explained(
    context: StepContext, question: str, error: FlowGateError, before: dict[str, tuple[list[int], int]]
) -> FlowGateError:
    """Say which service died under the question, if one did, and show its log."""
    # A cut connection is seen sooner than the end of the process that held it.
    dead = poll(lambda: _dead(context, before), context.clock, timeout=DEATH_SECONDS)
    what = f"the question '{question}' was not answered: {error.what}"
    if not dead:
        service = context.stack().services["litellm"]
        lines = context.files.tail(service.program.log, LOG_LINES)
        errors = " ".join(line for line in lines if "Error" in line and not line.startswith(" "))
        fix = error.fix or f"LiteLLM's log: {service.program.log}"
        return CheckFailed(what, fix=fix, place=place(context, service, errors), log=lines)
    name = dead[0]
    failure = context.supervisor.status()["services"].get(name, {}).get("failure") or "it ended"
    log = context.stack().services[name].program.log
    return CheckFailed(
        f"{name} died during the smoke ({failure}); {what}",
        fix=f"its log: {log}",
        log=context.files.tail(log, LOG_LINES),
    )
