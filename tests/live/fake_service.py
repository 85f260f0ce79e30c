"""A fake LiteLLM or CLIProxyAPIPlus: a program that starts fast and binds its own port.

`fake_service.py litellm FOLDER PORT CONFIG` or `fake_service.py upstream FOLDER -config CONFIG`. Its behaviour can be
changed while it runs, in `FOLDER/behaviour.json`. It records events in `FOLDER/service-events.log`.
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
RESPONSE = "response of the fake service"


def behaviour() -> dict[str, Any]:
    """Read this role's behaviour.

    Keys: ready (false: readiness is always 503), fails_with (print this and exit with 1), dies_on and hangs_on (a
    requested path), exits_after (seconds from SIGTERM to the exit)
    """
    try:
        roles: dict[str, Any] = json.loads((FOLDER / "behaviour.json").read_text())
    except FileNotFoundError:
        return {}
    own: dict[str, Any] = roles.get(ROLE, {})
    return own


def record(event: str) -> None:
    """Append an event to the log with one write, so that lines of several services do not mix."""
    handle = os.open(FOLDER / "service-events.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(handle, f"{ROLE} {event} {os.getpid()}\n".encode())
    os.close(handle)


def setting(pattern: str) -> list[str]:
    """Find all matches of a pattern in the config."""
    return re.findall(pattern, CONFIG.read_text())


class Server(http.server.ThreadingHTTPServer):
    """Says nothing about clients that have gone, as the real programs do."""

    def handle_error(self, *words: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(*words)


class Handler(http.server.BaseHTTPRequestHandler):
    """Responds like both programs to the requests of FlowGate."""

    def do_GET(self) -> None:
        self._misbehave()
        if self.path in ("/", "/health/readiness"):
            self._reply(200 if behaviour().get("ready", True) else 503, {"status": "here"})
        elif self.path == "/v1/models":
            self._reply(200, {"data": [{"id": name} for name in setting(r"model_name: (\S+)")]})
        elif self.path == "/profile":
            self._reply(200, setting(r"profile '(\w+)'"))
        else:
            self._reply(404, {"error": "no such path"})

    def do_OPTIONS(self) -> None:
        if behaviour().get("hangs_on") == "*":
            threading.Event().wait()
        self._reply(204, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self._misbehave()
        try:
            text = RESPONSE if ROLE == "upstream" else self._ask_upstream(body)
        except OSError as error:
            self._reply(500, {"error": f"the upstream is unreachable: {error}"})
            return
        if json.loads(body).get("stream"):
            chunk = json.dumps({"choices": [{"delta": {"content": text}}]})
            self._send(200, f"data: {chunk}\n\ndata: [DONE]\n\n".encode())
        elif self.path == "/v1/messages":
            self._reply(200, {"content": [{"type": "text", "text": text}]})
        elif self.path == "/v1/responses":
            content = [{"type": "output_text", "text": text}]
            self._reply(200, {"output": [{"type": "message", "content": content}]})
        else:
            self._reply(200, {"choices": [{"message": {"content": text}}]})

    def _ask_upstream(self, body: bytes) -> str:
        address = f"{setting(r'api_base: (.+)')[0]}/chat/completions"
        plain = json.dumps({**json.loads(body), "stream": False}).encode()
        with urllib.request.urlopen(address, plain, timeout=10) as response:
            text: str = json.load(response)["choices"][0]["message"]["content"]
        return text

    def _misbehave(self) -> None:
        record(self.path)
        if behaviour().get("dies_on") == self.path:
            sys.stdout.write("fake service: last line\n")
            sys.stdout.flush()
            os._exit(7)
        if behaviour().get("hangs_on") == self.path:
            threading.Event().wait()

    def _reply(self, status: int, tree: object) -> None:
        self._send(status, json.dumps(tree).encode())

    def _send(self, status: int, data: bytes) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Print nothing."""


def terminate(number: int, frame: object) -> None:
    """Exit after SIGTERM, at once or later."""
    record("term")
    threading.Event().wait(behaviour().get("exits_after", 0))
    os._exit(0)


def main() -> None:
    """Serve until SIGTERM."""
    signal.signal(signal.SIGTERM, terminate)
    record("start")
    error = behaviour().get("fails_with")
    if error:
        sys.exit(error)
    port = int(sys.argv[3]) if ROLE == "litellm" else int(setting(r"(?m)^port: (\d+)")[0])
    Server(("127.0.0.1", port), Handler).serve_forever()


main()
