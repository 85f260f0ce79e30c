"""A stand-in for LiteLLM or for CLIProxyAPIPlus: an ordinary program that binds its own port, up in no time.

`standin.py litellm FOLDER PORT CONFIG` or `standin.py upstream FOLDER -config CONFIG`. What it does can be changed
while it runs, in `FOLDER/behaviour.json`; what it saw stands in `FOLDER/seen.log`, one line each.
"""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import sys
import threading
import urllib.request
from pathlib import Path
from typing import Any

ROLE, FOLDER, CONFIG = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[-1])
SAYS = "the stand-in answers"


def behaviour() -> dict[str, Any]:
    """Read how to behave.

    Keys: ready (false: 503 for ever), refuses (words, then exit 1), dies_on and hangs_on (a path that is asked),
    leaves_after (seconds from SIGTERM to the end)
    """
    try:
        wanted: dict[str, Any] = json.loads((FOLDER / "behaviour.json").read_text())
    except FileNotFoundError:
        return {}
    own: dict[str, Any] = wanted.get(ROLE, {})
    return own


def saw(what: str) -> None:
    """Note a fact for the test, whole, whatever the disk thinks of it."""
    handle = os.open(FOLDER / "seen.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{ROLE} {what} {os.getpid()}\n".encode())
    os.close(handle)


def setting(pattern: str) -> list[str]:
    """Find words in the config that was handed over."""
    return re.findall(pattern, CONFIG.read_text())


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers like either program, as far as FlowGate asks."""

    def do_GET(self) -> None:
        self._misbehave()
        if self.path in ("/", "/health/readiness"):
            self._answer(200 if behaviour().get("ready", True) else 503, {"status": "here"})
        elif self.path == "/v1/models":
            self._answer(200, {"data": [{"id": name} for name in setting(r"model_name: (\S+)")]})
        elif self.path == "/profile":
            self._answer(200, setting(r"profile '(\w+)'"))
        else:
            self._answer(404, {"error": "no such path"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self._misbehave()
        try:
            message = SAYS if ROLE == "upstream" else self._ask_upstream(body)
        except OSError as fault:
            self._answer(500, {"error": f"the upstream is gone: {fault}"})
            return
        if json.loads(body).get("stream"):
            chunk = json.dumps({"choices": [{"delta": {"content": message}}]})
            self._send(200, f"data: {chunk}\n\ndata: [DONE]\n\n".encode())
        elif self.path == "/v1/messages":
            self._answer(200, {"content": [{"type": "text", "text": message}]})
        else:
            self._answer(200, {"choices": [{"message": {"content": message}}]})

    def _ask_upstream(self, body: bytes) -> str:
        address = f"{setting(r'api_base: (.+)')[0]}/chat/completions"
        plain = json.dumps({**json.loads(body), "stream": False}).encode()
        with urllib.request.urlopen(address, plain, timeout=10) as answer:
            message: str = json.load(answer)["choices"][0]["message"]["content"]
        return message

    def _misbehave(self) -> None:
        saw(self.path)
        if behaviour().get("dies_on") == self.path:
            sys.stdout.write("stand-in: my last words\n")
            sys.stdout.flush()
            os._exit(7)
        if behaviour().get("hangs_on") == self.path:
            threading.Event().wait()

    def _answer(self, status: int, tree: object) -> None:
        self._send(status, json.dumps(tree).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Keep silent."""


def leave(number: int, frame: object) -> None:
    """Go when asked, at once or after a while."""
    saw("term")
    threading.Event().wait(behaviour().get("leaves_after", 0))
    os._exit(0)


def main() -> None:
    """Serve until asked to leave."""
    signal.signal(signal.SIGTERM, leave)
    saw("start")
    refusal = behaviour().get("refuses")
    if refusal:
        sys.exit(refusal)
    port = int(sys.argv[3]) if ROLE == "litellm" else int(setting(r"(?m)^port: (\d+)")[0])
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


main()
