"""Ask real questions through LiteLLM and check the answers."""

from collections.abc import Callable
from typing import Any

from flowgate.errors import CheckFailed, NotReady, Refusal
from flowgate.gateway import cliproxy
from flowgate.rehearsal import stream
from flowgate.step import Facts, Reach, Result, Todo, todo
from flowgate.steps.wait_healthy import LOG_LINES, address, place
from flowgate.system.clock import poll

QUESTION = "Answer with one short sentence: are you there?"
LEAVING = ("draining", "stopping")
DEATH_SECONDS = 0.5  # how long a failed question waits to learn that a service has died under it
SIGNATURE = "embedded upstream"  # what every answer of the embedded upstream says of itself


def smoke(reach: Reach, live: bool = False) -> Result | Todo:
    """Ask real questions through LiteLLM: its models, a chat answer, a streamed one, a `/v1/messages` one.

    live: ask for model answers over real accounts too (costs money); over the embedded upstream they are always asked
    Gives: base (the address that was asked), answers (list of question, seconds, said)
    Fails with: CheckFailed for a question that is not answered as it should be
    """
    embedded = cliproxy.is_embedded(reach.config)
    questions = ["models", "chat", "stream", "messages"] if embedded or live else ["models"]

    def do(r: Reach) -> Facts:
        return _ask_all(r, questions, embedded)

    over = (
        "the embedded upstream" if embedded else "real accounts" + (" (costs money)" if live else ", only what is free")
    )
    return todo(f"ask {', '.join(questions)} over {over}", do, changes=False)


def _ask_all(reach: Reach, questions: list[str], embedded: bool) -> Facts:
    before = _generations(reach)
    newest = reach.keeper.generation("litellm")
    if newest is None:
        raise NotReady("litellm is not running", hint="inv up")
    service = reach.stack().services["litellm"]
    serving = newest["phase"] == "serving"
    base = f"http://{newest['host']}:{newest['port']}" if serving else address(reach, service, newest)
    asks: dict[str, Callable[[Reach, str], str]] = {
        "models": _models,
        "chat": _chat,
        "stream": _stream,
        "messages": _messages,
    }
    answers = []
    for question in questions:
        began = reach.clock.now()
        try:
            said = asks[question](reach, base)
            if embedded and question != "models" and SIGNATURE not in said:
                raise CheckFailed(f"the {question} answer did not come from the embedded upstream: {said[:80]!r}")
        except Refusal as refusal:
            raise _explained(reach, question, refusal, before) from None
        seconds = round(reach.clock.now() - began, 3)
        answers.append({"question": question, "seconds": seconds, "said": said})
        reach.tell(f"  {question:<9} {said[:70]:<70} {seconds:6.2f} s")
    over = "the embedded upstream" if embedded else "real accounts"
    return {"base": base, "answers": answers, "said": f"{len(answers)} of {len(questions)} answered over {over}"}


def _headers(reach: Reach) -> dict[str, Any]:
    key = reach.master_key()
    return {"Authorization": key.bearer()} if key else {}


def _models(reach: Reach, base: str) -> str:
    answer = reach.http.get(f"{base}/v1/models", headers=_headers(reach), timeout=30.0)
    listed = [one.get("id") for one in _good(answer.status, answer.text, answer.json()).get("data", ())]
    absent = [name for name in reach.stack().models if name not in listed]
    if absent:
        raise CheckFailed(
            f"LiteLLM does not list {', '.join(absent)}; it lists {', '.join(map(str, listed)) or 'nothing'}"
        )
    return f"{len(listed)} listed: {', '.join(map(str, listed))}"


def _body(reach: Reach, **more: object) -> dict[str, object]:
    question = [{"role": "user", "content": QUESTION}]
    return {"model": reach.stack().models[0], "messages": question, "max_tokens": 100, **more}


def _chat(reach: Reach, base: str) -> str:
    answer = reach.http.post(f"{base}/v1/chat/completions", _body(reach), headers=_headers(reach))
    body = _good(answer.status, answer.text, answer.json())
    return _text("chat", lambda: body["choices"][0]["message"]["content"])


def _stream(reach: Reach, base: str) -> str:
    lines = reach.http.stream(f"{base}/v1/chat/completions", _body(reach, stream=True), headers=_headers(reach))
    said = "".join(map(stream.words, stream.chunks(lines)))
    return _text("stream", lambda: said)


def _messages(reach: Reach, base: str) -> str:
    answer = reach.http.post(f"{base}/v1/messages", _body(reach), headers=_headers(reach))
    body = _good(answer.status, answer.text, answer.json())
    return _text("messages", lambda: next(part["text"] for part in body["content"] if part.get("type") == "text"))


def _good(status: int, text: str, body: Any) -> dict[str, Any]:
    if not 200 <= status < 300 or not isinstance(body, dict):
        raise CheckFailed(f"LiteLLM answered {status}: {text[:300]}")
    return body


def _text(question: str, take: Callable[[], Any]) -> str:
    try:
        said = take()
    except (KeyError, IndexError, TypeError, StopIteration):
        said = None
    if not isinstance(said, str) or not said.strip():
        raise CheckFailed(f"the {question} answer carries no text")
    return " ".join(said.split())


def _generations(reach: Reach) -> dict[str, tuple[list[int], int]]:
    """Give the generations that are to stay, and how often each service was revived."""
    services = reach.keeper.status()["services"]
    return {
        name: ([g["number"] for g in one["generations"] if g["phase"] not in LEAVING], one["restarts"])
        for name, one in services.items()
    }


def _dead(reach: Reach, before: dict[str, tuple[list[int], int]]) -> list[str]:
    now = _generations(reach)
    return [name for name, was in before.items() if now.get(name) != was]


def _explained(reach: Reach, question: str, refusal: Refusal, before: dict[str, tuple[list[int], int]]) -> Refusal:
    """Say which service died under the question, if one did, and show its log."""
    # A cut connection is seen sooner than the end of the process that held it.
    dead = poll(lambda: _dead(reach, before), reach.clock, timeout=DEATH_SECONDS)
    what = f"the question '{question}' was not answered: {refusal.what}"
    if not dead:
        service = reach.stack().services["litellm"]
        lines = reach.files.tail(service.program.log, LOG_LINES)
        errors = " ".join(line for line in lines if "Error" in line and not line.startswith(" "))
        hint = refusal.hint or f"LiteLLM's log: {service.program.log}"
        return CheckFailed(what, hint=hint, place=place(reach, service, errors), log=lines)
    name = dead[0]
    failure = reach.keeper.status()["services"].get(name, {}).get("failure") or "it ended"
    log = reach.stack().services[name].program.log
    return CheckFailed(
        f"{name} died during the smoke ({failure}); {what}",
        hint=f"its log: {log}",
        log=reach.files.tail(log, LOG_LINES),
    )
