"""What LiteLLM is asked once, by nobody, so that its generations need not import anything for their first answers.

Source: LiteLLM 1.106.2 turns a `/v1/messages` question for a model `openai/…` into `POST /v1/responses` upstream
"""

from __future__ import annotations

import json

from flowgate.domain import Tree, WarmUp

KEY = "sk-of-a-rehearsal-that-nobody-else-can-hear"
MODEL = "rehearsed"
DOCUMENT = {
    "model_list": [
        {
            "model_name": MODEL,
            "litellm_params": {"model": "openai/rehearsed", "api_base": "{upstream}/v1", "api_key": "none"},
        },
    ],
    "general_settings": {"master_key": KEY},
    "router_settings": {"num_retries": 0},
}
SAID = "heard"
USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def warmup(variable: str) -> WarmUp:
    """Give the questions, and what a stand-in for the upstream answers.

    Args:
        variable: Names the file of LiteLLM's document.
    """
    asked = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": SAID}]}
    plain, streamed = json.dumps(asked), json.dumps({**asked, "stream": True})
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
            "/v1/chat/completions": ("application/json", json.dumps(_completion())),
            "/v1/chat/completions stream": ("text/event-stream", _chunks()),
            "/v1/responses": ("application/json", json.dumps(_response())),
            "/v1/responses stream": ("text/event-stream", _events()),
            "/v1/models": ("application/json", json.dumps({"object": "list", "data": []})),
        },
    )


def _completion() -> Tree:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": SAID}}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": MODEL, "choices": [choice], "usage": USAGE}


def _chunks() -> str:
    head = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    said = [{"index": 0, "delta": {"role": "assistant", "content": SAID}, "finish_reason": None}]
    done = [{"index": 0, "delta": {}, "finish_reason": "stop"}]
    lines = [json.dumps({**head, "choices": said}), json.dumps({**head, "choices": done}), "[DONE]"]
    return "".join(f"data: {line}\n\n" for line in lines)


def _response() -> Tree:
    text = {"type": "output_text", "text": SAID, "annotations": []}
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]}
    return {
        "id": "r",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": MODEL,
        "output": [message],
        "parallel_tool_calls": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
    }


def _events() -> str:
    begun = {**_response(), "status": "in_progress", "output": []}
    at = {"item_id": "m", "output_index": 0, "content_index": 0}
    events: list[Tree] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_text.delta", **at, "delta": SAID},
        {"type": "response.completed", "response": _response()},
    ]
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
