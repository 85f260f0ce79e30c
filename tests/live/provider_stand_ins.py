"""Stand-ins of providers: one server that speaks the protocol of each, and refuses what the provider would refuse."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ANSWER = "the stand-in answers"
Body = dict[str, Any]


class Protocol(NamedTuple):
    """How a provider is asked.

    Attributes:
        base: Path of the base URL, as `api_base` has it.
        path: Pattern of the path of a chat request, below the server's root.
        key: Header that has the key, and its value; empty for a provider without keys.
        dialect: Name of the format of its answers.
    """

    base: str
    path: str
    key: tuple[str, str]
    dialect: str


PROTOCOLS = {
    "openai": Protocol("/openai/v1", r"/openai/v1/chat/completions", ("authorization", "Bearer sk-openai"), "openai"),
    "openrouter": Protocol("/or/v1", r"/or/v1/chat/completions", ("authorization", "Bearer sk-openrouter"), "openai"),
    "hosted_vllm": Protocol("/vllm/v1", r"/vllm/v1/chat/completions", ("", ""), "openai"),
    "azure": Protocol(
        "/azure",
        r"/azure/openai/deployments/[\w-]+/chat/completions\?api-version=[\w-]+",
        ("api-key", "sk-azure"),
        "openai",
    ),
    "anthropic": Protocol("/anthropic", r"/anthropic/v1/messages", ("x-api-key", "sk-anthropic"), "anthropic"),
    "gemini": Protocol(
        *("/gemini", r"/gemini/.*gemini-[\w.-]+:(generate|streamGenerate)Content(\?.*)?"),
        *(("x-goog-api-key", "sk-gemini"), "gemini"),
    ),
    "ollama_chat": Protocol("/ollama", r"/ollama/api/chat", ("", ""), "ollama"),
}


@dataclass
class StandIns:
    """The server, and the requests that it answered: provider → paths."""

    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    def base(self, provider: str) -> str:
        """Return the `api_base` of a provider."""
        return f"http://127.0.0.1:{self.port}{PROTOCOLS[provider].base}"


def openai(body: Body) -> tuple[str, list[str]]:
    about = {"id": "c-1", "created": 1, "model": body["model"]}
    if not body.get("stream"):
        message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": ANSWER}}
        usage = {"prompt_tokens": 1, "completion_tokens": 3, "total_tokens": 4}
        return "application/json", [
            json.dumps({**about, "object": "chat.completion", "choices": [message], "usage": usage})
        ]
    deltas: list[Body] = [{"delta": {"role": "assistant", "content": word}} for word in (ANSWER[:3], ANSWER[3:])]
    deltas.append({"delta": {}, "finish_reason": "stop"})
    chunks = [{**about, "object": "chat.completion.chunk", "choices": [{"index": 0, **one}]} for one in deltas]
    return "text/event-stream", [*(f"data: {json.dumps(one)}\n\n" for one in chunks), "data: [DONE]\n\n"]


def anthropic(body: Body) -> tuple[str, list[str]]:
    usage = {"input_tokens": 1, "output_tokens": 3}
    message = {"id": "m-1", "type": "message", "role": "assistant", "model": body["model"], "usage": usage}
    if not body.get("stream"):
        content = [{"type": "text", "text": ANSWER}]
        return "application/json", [json.dumps({**message, "content": content, "stop_reason": "end_turn"})]
    text = {"type": "text_delta", "text": ANSWER}
    events: list[Body] = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": text},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
        {"type": "message_stop"},
    ]
    return "text/event-stream", [f"event: {one['type']}\ndata: {json.dumps(one)}\n\n" for one in events]


def gemini(body: Body, *, stream: bool) -> tuple[str, list[str]]:
    content = {"role": "model", "parts": [{"text": ANSWER}]}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 3, "totalTokenCount": 4}
    answer = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
    text = json.dumps(answer)
    return ("text/event-stream", [f"data: {text}\r\n\r\n"]) if stream else ("application/json", [text])


def ollama(body: Body) -> tuple[str, list[str]]:
    about = {"model": body["model"], "created_at": "2026-01-01T00:00:00Z"}
    end = {"done": True, "done_reason": "stop", "prompt_eval_count": 1, "eval_count": 3}
    if not body.get("stream"):
        return "application/json", [json.dumps({**about, "message": {"role": "assistant", "content": ANSWER}, **end})]
    first = {**about, "message": {"role": "assistant", "content": ANSWER}, "done": False}
    last = {**about, "message": {"role": "assistant", "content": ""}, **end}
    return "application/x-ndjson", [json.dumps(one) + "\n" for one in (first, last)]


class Handler(BaseHTTPRequestHandler):
    """Answers chat requests of every provider; anything else is 404, a wrong key 401."""

    stand_ins: StandIns

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        provider = next((name for name, one in PROTOCOLS.items() if re.fullmatch(one.path, self.path)), "")
        if not provider:
            self._reply(404, "application/json", [json.dumps({"error": {"message": f"no path {self.path}"}})])
            return
        header, value = PROTOCOLS[provider].key
        if header and self.headers.get(header) != value:
            self._reply(401, "application/json", [json.dumps({"error": {"message": f"wrong {header}"}})])
            return
        self.stand_ins.asked.append((provider, self.path))
        self._reply(200, *self._answer(PROTOCOLS[provider].dialect, body))

    def _answer(self, dialect: str, body: Body) -> tuple[str, list[str]]:
        if dialect == "gemini":
            return gemini(body, stream="streamGenerateContent" in self.path)
        return {"openai": openai, "anthropic": anthropic, "ollama": ollama}[dialect](body)

    def _reply(self, status: int, kind: str, parts: list[str]) -> None:
        data = "".join(parts).encode()
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *words: object) -> None:
        """Log nothing."""


@contextmanager
def serving() -> Iterator[StandIns]:
    """Serve the stand-ins."""
    stand_ins = StandIns()
    handler = type("OwnHandler", (Handler,), {"stand_ins": stand_ins})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    stand_ins.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stand_ins
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
