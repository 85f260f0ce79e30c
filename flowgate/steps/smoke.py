"""Send test requests through LiteLLM and check the responses."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from flowgate.errors import CheckFailed, FlowGateError, NotReady, UsageError
from flowgate.gateway import cliproxy, request_rules
from flowgate.rehearsal import stream
from flowgate.rehearsal.tool_round_trips import ROUND_TRIPS, TOOL, responses_text
from flowgate.step import Change, Facts, Result, StepContext, change
from flowgate.steps._ask_remote import ask_remote
from flowgate.steps.wait_healthy import LOG_LINES, config_place, private_base_url
from flowgate.system.clock import poll
from flowgate.system.http import Headers, Response

PROMPT = "Answer with one short sentence: are you there?"
LEAVING = ("draining", "stopping")
DEATH_SECONDS = 0.5  # a closed connection is seen sooner than the end of the process that closed it
REMOTE = "southbound"  # the request to a CLIProxyAPIPlus that runs elsewhere
SIGNATURE = "embedded upstream"  # part of every answer of the embedded upstream
Generations = Mapping[str, tuple[list[int], int]]  # service → (numbers of its generations, number of restarts)


def smoke(context: StepContext, live: bool = False) -> Result | Change:
    """Send test requests through LiteLLM: its models, answers, and tool calls.

    Args:
        context: Tools and state of this run.
        live: Also request model answers over real accounts (costs money), but no tool calls, which not every model
            makes; a model of the embedded upstream is always requested.

    Returns:
        `base` (base URL), `answers` (list of request, seconds, message).

    Raises:
        CheckFailed: A response is not as expected.
        NotReady: LiteLLM is not running.
        UsageError: With `live`, no model can be requested by its name.
    """
    model, embedded = _model(context, live)
    names = list(REQUESTS) if embedded else list(LIVE) if model else ["models"]
    names = [REMOTE, *names] if context.config.remote else names
    real = "real accounts" if cliproxy.is_configured(context.config) or context.config.remote else "your providers"
    over = "the embedded upstream" if embedded else real
    cost = "" if embedded else " (costs money)" if model else " (only what is free)"

    def apply(acting: StepContext) -> Facts:
        base = _base_url(acting)
        before = _generations(acting)
        tested = Target(base, model, embedded, before)
        answers = [_send(acting, name, tested) for name in names]
        message = f"{len(answers)} of {len(names)} requests succeeded over {over}"
        return {"base": base, "answers": answers, "message": message}

    return change(f"send test requests over {over}{cost}: {', '.join(names)}", apply, changes=False)


class Target(NamedTuple):
    """What is tested.

    Attributes:
        base: Base URL of LiteLLM.
        model: The requested model; empty if no model is requested.
        embedded: The embedded upstream must answer.
        before: The generations before the first request.
    """

    base: str
    model: str
    embedded: bool
    before: Generations


def _model(context: StepContext, live: bool) -> tuple[str, bool]:
    """Choose a model that costs nothing, or any with `live`; empty if there is none.

    Returns:
        The model, and whether the embedded upstream answers.

    Raises:
        UsageError: Every model is a pattern, so that none can be requested.
    """
    stack = context.stack()
    free = stack.through_upstream if cliproxy.is_embedded(context.config) else ()
    if live and not stack.requestable:
        raise UsageError(
            f"no model of profile {stack.profile.value} can be requested by its name: each one is a pattern",
            place=context.config.place("litellm_base.model_list"),
            fix="inv smoke, without --live",
        )
    names = stack.requestable if live else free
    model = request_rules.text_model(stack.services["litellm"].program.request_rules, names) if names else ""
    return model, model in free


def _base_url(context: StepContext) -> str:
    generation = context.supervisor.chosen("litellm")
    if generation is None:
        raise NotReady("litellm is not running", fix="inv up")
    if generation["phase"] == "serving":
        return f"http://{generation['host']}:{generation['port']}"
    return private_base_url(context, context.stack().services["litellm"], generation)


def _send(context: StepContext, name: str, tested: Target) -> Facts:
    """Send one request, check its response and show it."""
    began = context.clock.now()
    try:
        message = (ask_remote if name == REMOTE else REQUESTS[name])(context, tested)
        if tested.embedded and name not in ("models", REMOTE) and SIGNATURE not in message:
            raise CheckFailed(f"the {name} answer did not come from the embedded upstream: {message[:80]!r}")
    except FlowGateError as error:
        raise _explain(context, name, error, tested.before) from None
    seconds = round(context.clock.now() - began, 3)
    context.emit(f"  {name:<15} {message[:70]:<70} {seconds:6.2f} s")
    return {"request": name, "seconds": seconds, "message": message}


# --- the requests


def _headers(context: StepContext) -> Headers:
    key = context.master_key()
    own: Headers = {"x-flowgate-probe": "smoke"}  # `explain` lists what clients asked
    return {**own, "Authorization": key.bearer()} if key else own


def _models(context: StepContext, tested: Target) -> str:
    response = context.http.get(f"{tested.base}/v1/models", headers=_headers(context), timeout=30.0)
    listed = [str(one.get("id")) for one in _body(response).get("data", ())]
    absent = [name for name in context.stack().listed if name not in listed]
    if absent:
        more = f" and {len(absent) - 1} more" if absent[1:] else ""
        raise CheckFailed(f"LiteLLM does not list {absent[0]}{more} (names that it lists: {len(listed)})")
    return f"{len(listed)} listed: {', '.join(listed)}"


def _chat(context: StepContext, tested: Target) -> str:
    response = context.http.post(f"{tested.base}/v1/chat/completions", _prompt(tested), headers=_headers(context))
    body = _body(response)
    return _text("chat", lambda: body["choices"][0]["message"]["content"])


def _stream(context: StepContext, tested: Target) -> str:
    prompt = {**_prompt(tested), "stream": True}
    lines = context.http.stream(f"{tested.base}/v1/chat/completions", prompt, headers=_headers(context))
    text = "".join(map(stream.chunk_text, stream.chunks(lines)))
    return _text("stream", lambda: text)


def _messages(context: StepContext, tested: Target) -> str:
    response = context.http.post(f"{tested.base}/v1/messages", _prompt(tested), headers=_headers(context))
    body = _body(response)
    return _text("messages", lambda: next(part["text"] for part in body["content"] if part.get("type") == "text"))


def _responses(context: StepContext, tested: Target) -> str:
    prompt = {"model": tested.model, "input": PROMPT, "max_output_tokens": 100}
    body = _body(context.http.post(f"{tested.base}/v1/responses", prompt, headers=_headers(context)))
    return _text("responses", lambda: responses_text(body))


def _call_tool(protocol: str, context: StepContext, tested: Target) -> str:
    """Let the model call a tool, return its result, and return the answer."""
    trip, headers = ROUND_TRIPS[protocol], _headers(context)
    asked = trip.ask(tested.model)
    called = _body(context.http.post(f"{tested.base}{trip.path}", asked, headers=headers))
    try:
        fits = trip.arguments(called) == {"word": "ready"}
        following = trip.hand_back(asked, called)
    except (KeyError, IndexError, TypeError, StopIteration, ValueError):
        raise CheckFailed(f"the model was told to call the tool {TOOL} and did not: {str(called)[:200]}") from None
    if not fits:
        raise CheckFailed(f"the arguments of the call do not fit the tool's schema: {str(called)[:300]}")
    answer = _body(context.http.post(f"{tested.base}{trip.path}", following, headers=headers))
    return _text(f"{protocol} tool", lambda: trip.text(answer))


REQUESTS: dict[str, Callable[[StepContext, Target], str]] = {
    "models": _models,
    "chat": _chat,
    "stream": _stream,
    "messages": _messages,
    "responses": _responses,
    **{f"{protocol} tool": partial(_call_tool, protocol) for protocol in ROUND_TRIPS},
}


LIVE = ("models", "chat", "stream", "messages", "responses")  # a real model need not be one that calls tools


def _prompt(tested: Target) -> dict[str, object]:
    messages = [{"role": "user", "content": PROMPT}]
    return {"model": tested.model, "messages": messages, "max_tokens": 100}


def _body(response: Response) -> Any:
    body = response.json()
    if not response.ok or not isinstance(body, dict):
        raise CheckFailed(f"LiteLLM returned {response.status}: {response.text[:300]}")
    return body


def _text(name: str, extract: Callable[[], object]) -> str:
    try:
        text = extract()
    except (KeyError, IndexError, TypeError, StopIteration):
        text = None
    if not isinstance(text, str) or not text.strip():
        raise CheckFailed(f"the {name} answer contains no text")
    return " ".join(text.split())


# --- failures


def _generations(context: StepContext) -> Generations:
    """Return the generations that should stay, and how often each service was respawned."""
    services = context.supervisor.status()["services"]
    return {
        name: ([g["number"] for g in one["generations"] if g["phase"] not in LEAVING], one["restarts"])
        for name, one in services.items()
        if name in context.config.services  # a dashboard may come and go
    }


def _ended(context: StepContext, before: Generations) -> list[str]:
    now = _generations(context)
    return [name for name, generations in before.items() if now.get(name) != generations]


def _explain(context: StepContext, name: str, error: FlowGateError, before: Generations) -> CheckFailed:
    """Add the log of the service that ended during the request, or else LiteLLM's."""
    ended = poll(lambda: _ended(context, before), context.clock, timeout=DEATH_SECONDS)
    what = f"the '{name}' request failed: {error.what}"
    service = context.stack().services[ended[0] if ended else "litellm"]
    log = service.program.log
    lines = context.files.tail(log, LOG_LINES)
    if ended:
        failure = context.supervisor.status()["services"].get(service.name, {}).get("failure") or "it ended"
        return CheckFailed(
            f"{service.name} ended during the smoke test ({failure}); {what}", fix=f"its log: {log}", log=lines
        )
    errors = " ".join(line for line in lines if "Error" in line and not line.startswith(" "))
    return CheckFailed(
        what, fix=error.fix or f"LiteLLM's log: {log}", place=config_place(context, service, errors), log=lines
    )
