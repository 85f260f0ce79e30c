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
from flowgate.system.sockets import free_port, listen

Serve = Callable[[Callable[[Any], None]], str]
KEY = Secret("sk-very-secret")


class Quiet(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that leave early: the tests send some."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serve every question with one function of the request handler; gives the address."""
    servers: list[ThreadingHTTPServer] = []

    def make(answer: Callable[[Any], None]) -> str:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                self.asked = self.rfile.read(length)
                answer(self)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        servers.append(Quiet(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_address[1]}"

    yield make
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def mute() -> Iterator[str]:
    """An address that accepts and never answers."""
    with listen("127.0.0.1", 0) as sock:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"


def reply(text: str, status: int = 200, **headers: str) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(text.encode()))}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(text.encode())

    return answer


def chunks(*blocks: bytes, whole: bool = True) -> Callable[[Any], None]:
    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for block in (*blocks, b"") if whole else blocks:
            handler.wfile.write(f"{len(block):x}\r\n".encode() + block + b"\r\n")
        handler.close_connection = True

    return answer


# --- asking


def test_an_answer_holds_what_was_said(serve: Serve) -> None:
    base = serve(reply('{"a": "ü"}', 201, X_Name="1", Content_Type="text/plain"))
    answer = Http().get(f"{base}/x")
    assert (answer.status, answer.headers["x-name"], answer.json(), answer.ok) == (201, "1", {"a": "ü"}, True)
    assert answer.url == f"{base}/x"
    assert 0 < answer.seconds < 5


def test_a_body_is_sent_as_json_with_its_headers(serve: Serve) -> None:
    def echo(handler: Any) -> None:
        kept = [handler.headers["content-type"], handler.headers["authorization"], json.loads(handler.asked)]
        reply(json.dumps(kept))(handler)

    answer = Http().post(serve(echo), {"a": [1]}, headers={"Authorization": KEY.bearer()})
    assert answer.json() == ["application/json", "Bearer sk-very-secret", {"a": [1]}]


def test_a_redirect_is_an_answer_and_not_followed(serve: Serve) -> None:
    answer = Http().get(serve(reply("", 302, Location="http://192.0.2.1/")))
    assert (answer.status, answer.ok) == (302, False)


def test_loopback_is_never_asked_through_a_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Http().get(serve(reply("ok"))).text == "ok"


def test_other_addresses_are_asked_through_the_proxy(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", serve(lambda handler: reply(handler.path)(handler)))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert Http().get("http://a.invalid/x").text == "http://a.invalid/x"


def test_an_answer_that_is_no_json_shows_how_it_begins() -> None:
    answer = Response(200, {}, "<html>" + "x" * 200, 0.1, "http://u:password@127.0.0.1:4000/v1?key=secret")
    with pytest.raises(
        CheckFailed, match=r"127\.0\.0\.1:4000/v1 answered 200 with something that is not JSON"
    ) as caught:
        answer.json()
    assert caught.value.what.endswith("'<html>" + "x" * 74 + "'")


def test_an_unknown_charset_is_read_as_utf8(serve: Serve) -> None:
    assert Http().get(serve(reply("ü", Content_Type="text/plain; charset=klingon"))).text == "ü"


# --- refusals


def test_a_port_where_nobody_listens_is_said_plainly() -> None:
    port = free_port()
    with pytest.raises(Unreachable, match=rf"^nobody listens on 127\.0\.0\.1:{port}$"):
        Http().get(f"http://127.0.0.1:{port}/v1/models?key=secret")


def test_silence_is_said_with_its_seconds(mute: str) -> None:
    with pytest.raises(Unreachable, match=r"^no answer from 127\.0\.0\.1:\d+/x within 0\.05 s$"):
        Http().get(f"{mute}/x", timeout=0.05)


def test_silence_midway_is_silence_too(serve: Serve) -> None:
    over = threading.Event()

    def half(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        over.wait(10)

    with pytest.raises(Unreachable, match=r"within 0\.05 s"):
        Http().get(serve(half), timeout=0.05)
    over.set()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", b"nonsense\r\n\r\n"])
def test_a_cut_connection_is_said_to_be_cut(sent: bytes) -> None:
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


def test_a_name_that_nobody_knows_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    monkeypatch.setenv("no_proxy", "*")
    with pytest.raises(Unreachable, match=r"the name of nowhere\.invalid:443 could not be found"):
        Http().get("https://nowhere.invalid/")


def test_plain_text_where_tls_belongs_is_said(serve: Serve) -> None:
    with pytest.raises(Unreachable, match=r"certificate|cut"):
        Http().get(serve(reply("ok")).replace("http:", "https:"))


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1/", "http://", "http://[::1/", "http://127.0.0.1:port/"])
def test_an_address_that_is_none_is_a_mistake(url: str) -> None:
    with pytest.raises(UsageError, match="no address that can be asked"):
        Http().get(url)


def test_a_secret_that_no_header_can_hold_is_not_shown() -> None:
    with pytest.raises(UsageError, match="the header Authorization") as caught:
        Http().get("http://127.0.0.1:1/", headers={"Authorization": Secret("sk-secret\n")})
    assert "sk-secret" not in f"{caught.value} {caught.value.__cause__} {caught.value.__context__}"


# --- streams


def test_the_lines_of_a_stream_come_whole(serve: Serve) -> None:
    base = serve(chunks("data: ü\u2028".encode()[:-4], "data: ü\u2028".encode()[-4:] + b"x\r\n\r\nda", b"ta: [DONE]"))
    assert list(Http().stream(base, {})) == ["data: ü\u2028x", "", "data: [DONE]"]


def test_a_line_comes_before_the_stream_ends(serve: Serve) -> None:
    seen = threading.Event()

    def slowly(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(b"first\n")
        handler.wfile.write(b"second\n" if seen.wait(5) else b"too late\n")

    lines = Http().stream(serve(slowly), {}, timeout=5)
    assert next(lines) == "first"
    seen.set()
    assert list(lines) == ["second"]


def test_a_stream_that_is_left_early_is_closed(serve: Serve) -> None:
    lines = Http().stream(serve(chunks(b"a\n", b"b\n")), {})
    assert next(lines) == "a"
    lines.close()  # type: ignore[attr-defined]


def test_a_refused_stream_shows_the_answer_without_our_key(serve: Serve) -> None:
    base = serve(reply("no such key: sk-very-secret, Bearer sk-very-secret", 401))
    with pytest.raises(CheckFailed, match=r"answered 401: no such key: …, …$"):
        list(Http().stream(f"{base}/v1", {}, headers={"Authorization": KEY.bearer()}))


def test_a_stream_cut_midway_is_unreachable_after_its_lines(serve: Serve) -> None:
    lines = Http().stream(serve(chunks(b"a\n", whole=False)), {})
    assert next(lines) == "a"
    with pytest.raises(Unreachable, match="was cut"):
        next(lines)


# --- looking


def test_looking_asks_loopback_only(serve: Serve) -> None:
    looking = Http(looking=True)
    assert looking.get(serve(reply("ok"))).ok
    for act in (
        lambda: looking.get("http://192.0.2.1/"),
        lambda: looking.post("http://127.0.0.1:1/", {}),
        lambda: looking.stream("http://127.0.0.1:1/", {}),
    ):
        with pytest.raises(StepContractError, match="while looking"):
            act()


def test_only_this_machine_is_loopback() -> None:
    near = ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]:2/", "http://127.8.9.1/"]
    far = ["http://10.0.0.1/", "http://127.evil.example/", "http://127.0.0.1@evil.example/", "http://[::1", "nonsense"]
    assert [is_loopback(url) for url in near + far] == [True] * 4 + [False] * 5
