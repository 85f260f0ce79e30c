"""Requests that warm LiteLLM up before it is forked, so that its generations import nothing for their first responses.

Source: LiteLLM 1.106.2 turns a `/v1/messages` request for a model `openai/…` into `POST /v1/responses` upstream.
"""

from __future__ import annotations

import json

from flowgate.domain import WarmUp

KEY = "sk-warm-up-only"  # the app listens on a private socket and is discarded
MODEL = "warm-up"
TEXT = "hello"
DOCUMENT = {
    "model_list": [
        {
            "model_name": MODEL,
            "litellm_params": {"model": f"openai/{MODEL}", "api_base": "{upstream}/v1", "api_key": "none"},
        },
    ],
    "general_settings": {"master_key": KEY},
    "router_settings": {"num_retries": 0},
}
REQUEST = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": TEXT}]}

# What the fake upstream responds.
COMPLETION = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": MODEL,
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": TEXT}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
CHUNK = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
CHUNKS = (
    {**CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": TEXT}, "finish_reason": None}]},
    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
)
MESSAGE = {
    "type": "message",
    "id": "m",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": TEXT, "annotations": []}],
}
RESPONSE = {
    "id": "r",
    "object": "response",
    "created_at": 1,
    "status": "completed",
    "model": MODEL,
    "output": [MESSAGE],
    "parallel_tool_calls": False,
    "tool_choice": "auto",
    "tools": [],
    "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}
DELTA: dict[str, object] = {"item_id": "m", "output_index": 0, "content_index": 0, "delta": TEXT}
EVENTS: dict[str, dict[str, object]] = {
    "response.created": {"response": {**RESPONSE, "status": "in_progress", "output": []}},
    "response.output_text.delta": DELTA,
    "response.completed": {"response": RESPONSE},
}


def warmup(variable: str) -> WarmUp:
    """Return the requests, and the responses of a fake upstream.

    Args:
        variable: The environment variable that names LiteLLM's config file.
    """
    plain, streamed = json.dumps(REQUEST), json.dumps({**REQUEST, "stream": True})
    chunks = "".join(f"data: {line}\n\n" for line in (*map(json.dumps, CHUNKS), "[DONE]"))
    events = "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in EVENTS.items())
    return WarmUp(
        document=json.dumps(DOCUMENT),
        variable=variable,
        env={"LITELLM_MASTER_KEY": KEY},
        headers={"authorization": f"Bearer {KEY}"},
        requests=(
            ("GET", "/health/readiness", ""),
            ("GET", "/v1/models", ""),
            ("POST", "/v1/chat/completions", plain),
            ("POST", "/v1/chat/completions", streamed),
            ("POST", "/v1/messages", plain),
            ("POST", "/v1/messages", streamed),
        ),
        responses={
            "/v1/chat/completions": ("application/json", json.dumps(COMPLETION)),
            "/v1/chat/completions stream": ("text/event-stream", chunks),
            "/v1/responses": ("application/json", json.dumps(RESPONSE)),
            "/v1/responses stream": ("text/event-stream", events),
            "/v1/models": ("application/json", json.dumps({"object": "list", "data": []})),
        },
    )
