from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flowgate.domain import Secret
from flowgate.errors import CheckFailed, StepContractError, Unreachable, UsageError
from flowgate.system.http import Http, Response, is_loopback
from flowgate.system.sockets import listen
from tests.conftest import free_port

Serve = Callable[[Callable[[Any], None]], str]
KEY = Secret("sk-very-secret")


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Print nothing: some tests close connections early."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start a server that handles every request with one function; return its URL."""
    servers: list[ThreadingHTTPServer] = []

    def start(respond: Callable[[Any], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                self.body = self.rfile.read(length)
                respond(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        servers.append(Quiet(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The URL of a server that accepts connections and never responds."""
    with listen("127.0.0.1", 0) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


def reply(text: str, status: int = 200, **headers: str) -> Callable[[Any], None]:
    def respond(handler: Any) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return respond


def chunks(*blocks: bytes, complete: bool = True) -> Callable[[Any], None]:
    def respond(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for block in (*blocks, b"") if complete else blocks:
            handler.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
        handler.close_connection = True

    return respond


# --- requests


def test_a_response_has_status_headers_and_body(serve: Serve) -> None:
    base = serve(reply('{"a": "ü"}', 201, X_Name="1", Content_Type="text/plain"))
    response = Http().get(f"{base}/x")
    assert (response.status, response.headers["x-name"], response.json(), response.ok) == (201, "1", {"a": "ü"}, True)
    assert response.url == f"{base}/x"
    assert 0 < response.seconds < 60


def test_a_body_is_sent_as_json_with_its_headers(serve: Serve) -> None:
    def echo(handler: Any) -> None:
        kept = [handler.headers["content-type"], handler.headers["authorization"], json.loads(handler.body)]
        reply(json.dumps(kept))(handler)

    response = Http().post(serve(echo), {"a": [1]}, headers={"Authorization": KEY.bearer()})
    assert response.json() == ["application/json", "Bearer sk-very-secret", {"a": [1]}]


def test_a_redirect_is_not_followed(serve: Serve) -> None:
    response = Http().get(serve(reply("", 302, Location="http://192.0.2.1/")))
    assert (response.status, response.ok) == (302, False)


def test_a_loopback_request_uses_no_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Http().get(serve(reply("ok"))).text == "ok"


def test_other_requests_use_the_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", serve(lambda handler: reply(handler.path)(handler)))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Http().get("http://a.invalid/x").text == "http://a.invalid/x"


def test_an_error_about_invalid_json_shows_the_beginning() -> None:
    response = Response(200, {}, "<html>" + "x" * 200, 0.1, "http://u:password@127.0.0.1:4000/v1?key=secret")
    with pytest.raises(CheckFailed, match=r"127\.0\.0\.1:4000/v1 returned 200 with a body that is not JSON") as caught:
        response.json()
    assert caught.value.what.endswith("'<html>" + "x" * 74 + "'")


def test_an_unknown_charset_is_decoded_as_utf8(serve: Serve) -> None:
    assert Http().get(serve(reply("ü", Content_Type="text/plain; charset=klingon"))).text == "ü"


# --- errors


def test_a_refused_connection_names_the_address() -> None:
    port = free_port()
    with pytest.raises(Unreachable, match=rf"^nothing listens on 127\.0\.0\.1:{port}$"):
        Http().get(f"http://127.0.0.1:{port}/v1/models?key=secret")


def test_a_timeout_names_its_seconds(silent_server: str) -> None:
    with pytest.raises(Unreachable, match=r"^no response from 127\.0\.0\.1:\d+/x within 0\.05 s$"):
        Http().get(f"{silent_server}/x", timeout=0.05)


def test_silence_in_the_middle_of_a_response_is_a_timeout(serve: Serve) -> None:
    over = threading.Event()

    def half(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        over.wait(60)

    with pytest.raises(Unreachable, match=r"within 0\.05 s"):
        Http().get(serve(half), timeout=0.05)
    over.set()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"nonsense\r\n\r\n"])
def test_a_cut_connection_is_reported(sent: bytes) -> None:
    with listen("127.0.0.1", 0) as sock:

        def cut() -> None:
            with sock.accept()[0] as connection:
                connection.recv(4096)
                connection.sendall(sent)

        thread = threading.Thread(target=cut)
        thread.start()
        with pytest.raises(Unreachable, match=r"the connection to 127\.0\.0\.1:\d+ was cut"):
            Http().get(f"http://127.0.0.1:{sock.getsockname()[1]}")
        thread.join()


def test_an_unknown_host_name_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(Unreachable, match=r"the host name of nowhere\.invalid:443 cannot be resolved"):
        Http().get("https://nowhere.invalid/")


def test_a_server_without_tls_is_reported(serve: Serve) -> None:
    with pytest.raises(Unreachable, match=r"certificate|cut"):
        Http().get(serve(reply("ok")).replace("http:", "https:"))


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "http://[::1/", "http://127.0.0.1:port/"])
def test_an_invalid_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="is not a valid HTTP address"):
        Http().get(url)


def test_an_invalid_header_value_is_not_shown() -> None:
    with pytest.raises(UsageError, match="the header Authorization") as caught:
        Http().get("http://127.0.0.1:1/", headers={"Authorization": Secret("sk-secret\n")})
    assert "sk-secret" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


# --- streams


def test_a_stream_yields_complete_lines(serve: Serve) -> None:
    base = serve(chunks("data: ü\u2028".encode()[:-4], "data: ü\u2028".encode()[-4:] + b"x\r\n\r\nda", b"ta: [DONE]"))
    assert list(Http().stream(base, {})) == ["data: ü\u2028x", "", "data: [DONE]"]


def test_a_line_is_yielded_before_the_stream_ends(serve: Serve) -> None:
    seen = threading.Event()

    def slowly(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b"first\n")
        handler.wfile.write(b"second\n" if seen.wait(60) else b"too late\n")

    lines = Http().stream(serve(slowly), {}, timeout=60)
    assert next(lines) == "first"
    seen.set()
    assert list(lines) == ["second"]


def test_a_stream_that_is_left_early_is_closed(serve: Serve) -> None:
    closed = threading.Event()

    def send_one_line(handler: Any) -> None:
        chunks(b"a\n", complete=False)(handler)
        if handler.connection.recv(1) == b"":
            closed.set()

    lines = Http().stream(serve(send_one_line), {})
    assert next(lines) == "a"
    lines.close()  # type: ignore[attr-defined]
    assert closed.wait(60)


def test_a_rejected_stream_shows_the_response_without_our_key(serve: Serve) -> None:
    base = serve(reply("no such key: sk-very-secret, Bearer sk-very-secret", 401))
    with pytest.raises(CheckFailed, match=r"returned 401: no such key: …, …$"):
        list(Http().stream(f"{base}/v1", {}, headers={"Authorization": KEY.bearer()}))


def test_a_cut_stream_raises_unreachable_after_its_lines(serve: Serve) -> None:
    lines = Http().stream(serve(chunks(b"a\n", complete=False)), {})
    assert next(lines) == "a"
    with pytest.raises(Unreachable, match="was cut"):
        next(lines)


# --- read-only


def test_a_read_only_client_sends_get_to_loopback_only(serve: Serve) -> None:
    client = Http(read_only=True)
    assert client.get(serve(reply("ok"))).ok
    for act in (
        lambda: client.get("http://192.0.2.1/"),
        lambda: client.post("http://127.0.0.1:1/", {}),
        lambda: client.stream("http://127.0.0.1:1/", {}),
    ):
        with pytest.raises(StepContractError, match="read-only phase"):
            act()


def test_is_loopback_accepts_only_this_machine() -> None:
    loopback = ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]:2/", "http://127.8.9.1/"]
    other = [
        "http://10.0.0.1/",
        "http://127.evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://[::1",
        "nonsense",
    ]
    assert [is_loopback(url) for url in loopback + other] == [True] * 4 + [False] * 5
