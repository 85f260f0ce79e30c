"""The stand-ins of a deployed rehearsal: three ports, a key, one rehearsal at a time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.embedded_upstream.stand_ins import main
from tests.conftest import wait
from tests.stand_ins import KEY, StandInProcess, running

FAULT = {"faults": {"big": {"status": 500}}, "refuses": False}
NONE = {"faults": {}, "refuses": False}
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def process() -> Iterator[StandInProcess]:
    with running(gateways=3, time_scale=0.5) as made:
        yield made


@pytest.fixture
def stand_ins(process: StandInProcess) -> Iterator[StandInProcess]:
    process.call("DELETE", "/requests")
    yield process
    process.call("DELETE", "/rehearsal")


def received(stand_ins: StandInProcess) -> list[tuple[str, bool]]:
    return [(one["model"], one["failed"]) for one in stand_ins.call("GET", "/requests")[1]["requests"]]


def test_they_say_what_they_are_for(stand_ins: StandInProcess) -> None:
    status, found = stand_ins.call("GET", "/rehearsal")
    assert (status, found["version"], found["profile"], found["time_scale"]) == (200, 1, "balanced", 0.5)
    assert (found["gateways"], found["marker"], found["nonces"]) == (3, stand_ins.marker, [])
    assert abs(found["now"] - time.time()) < 30


@pytest.mark.parametrize("key", ["", "wrong", KEY[:-1], f"{KEY}x", KEY.upper()])
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/rehearsal"), ("DELETE", "/rehearsal"), ("GET", "/requests"), ("PUT", "/faults")]
)
def test_the_control_port_needs_its_key(stand_ins: StandInProcess, method: str, path: str, key: str) -> None:
    body = FAULT if method == "PUT" else None
    assert stand_ins.call(method, path, body, key=key)[0] == 401
    assert stand_ins.ask("big")[0] == 200


@pytest.mark.parametrize("path", ["/rehearsal", "/requests", "/faults", "/embedded/faults", "/embedded/requests"])
@pytest.mark.parametrize("port", ["vendors", "refusing"])
def test_the_vendors_ports_have_no_control(stand_ins: StandInProcess, path: str, port: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        assert stand_ins.call(method, path, port=getattr(stand_ins, port))[0] == 404


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/", "/v1/embeddings"])
def test_the_control_port_answers_no_model(stand_ins: StandInProcess, path: str) -> None:
    assert stand_ins.call("POST", path, {"model": "big"})[0] in (404, 405)


def test_a_model_fails_as_it_is_told(stand_ins: StandInProcess) -> None:
    assert stand_ins.call("PUT", "/faults", FAULT)[0] == 200
    answers = [stand_ins.ask("big")[0], stand_ins.ask("small")[0]]
    assert stand_ins.call("PUT", "/faults", NONE)[0] == 200
    assert [*answers, stand_ins.ask("big")[0]] == [500, 200, 200]
    assert received(stand_ins) == [("big", True), ("small", False), ("big", False)]


def test_every_second_request_is_counted_from_the_start_of_the_fault(stand_ins: StandInProcess) -> None:
    stand_ins.ask("big")
    stand_ins.call("PUT", "/faults", {"faults": {"big": {"status": 503, "every": 2}}, "refuses": False})
    assert [stand_ins.ask("big")[0] for _ in range(4)] == [200, 503, 200, 503]


@pytest.mark.parametrize(
    "body",
    [
        *(None, [], {}, {"faults": {}}, {"faults": {}, "refuses": 1}, {"faults": {}, "refuses": True, "more": 1}),
        *({"faults": {"big": {"status": 200}}, "refuses": False}, {"faults": {"big": {"no": 1}}, "refuses": False}),
    ],
)
def test_faults_that_cannot_be_played_are_refused_and_change_nothing(stand_ins: StandInProcess, body: object) -> None:
    stand_ins.call("PUT", "/faults", FAULT)
    assert stand_ins.call("PUT", "/faults", body)[0] == 400
    assert stand_ins.ask("big")[0] == 500


def test_connections_are_refused_and_counted_until_the_fault_ends(stand_ins: StandInProcess) -> None:
    assert stand_ins.ask("big", port=stand_ins.refusing)[0] == 200
    stand_ins.call("PUT", "/faults", {"faults": {}, "refuses": True})
    for _ in range(3):
        with pytest.raises(OSError):
            stand_ins.ask("big", port=stand_ins.refusing)
    found = stand_ins.call("GET", "/requests")[1]
    assert (len(found["refused"]), len(found["requests"])) == (3, 1)
    assert stand_ins.ask("big")[0] == 200  # the other port answers all the time
    stand_ins.call("PUT", "/faults", NONE)
    assert stand_ins.ask("big", port=stand_ins.refusing)[0] == 200


def test_open_connections_are_cut_when_they_are_refused(stand_ins: StandInProcess) -> None:
    with socket.create_connection(("127.0.0.1", stand_ins.refusing), 10) as kept:
        kept.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" in kept.recv(4096)
        stand_ins.call("PUT", "/faults", {"faults": {}, "refuses": True})
        assert ended(kept)


def ended(connection: socket.socket) -> bool:
    """Read until the other side ends the connection, in order or not."""
    try:
        while connection.recv(4096):
            pass
    except ConnectionResetError:
        pass
    return True


def test_a_second_rehearsal_is_refused_until_the_first_ends(stand_ins: StandInProcess) -> None:
    stand_ins.call("PUT", "/faults", FAULT)
    assert stand_ins.call("PUT", "/faults", NONE, name="two")[0] == 409
    assert stand_ins.call("GET", "/requests", name="")[0] == 409
    assert stand_ins.call("DELETE", "/rehearsal", name="two")[0] == 409
    assert stand_ins.call("GET", "/rehearsal", name="two")[0] == 200
    assert stand_ins.ask("big")[0] == 500
    assert stand_ins.call("DELETE", "/rehearsal")[0] == 200
    assert stand_ins.ask("big")[0] == 200  # no fault stays
    assert stand_ins.call("GET", "/requests", name="two")[0] == 200
    assert stand_ins.call("DELETE", "/rehearsal", name="two")[0] == 200


def test_texts_sent_to_the_marker_are_told_and_those_of_models_are_not(stand_ins: StandInProcess) -> None:
    nonces = ["0123456789abcdef" * 2, "fedcba9876543210" * 2]
    stand_ins.ask(stand_ins.marker, nonces[0])
    stand_ins.ask("big", nonces[1])
    stand_ins.ask(stand_ins.marker, "a prompt of a person")
    assert stand_ins.call("GET", "/rehearsal")[1]["nonces"] == nonces[:1]


def test_they_stop_at_once_while_a_request_hangs() -> None:
    with running() as stand_ins:
        stand_ins.call("PUT", "/faults", {"faults": {"big": {"hangs": True}}, "refuses": False})
        asking = threading.Thread(target=lambda: stand_ins.ask("big"), daemon=True)
        asking.start()
        assert wait(lambda: received(stand_ins) == [("big", True)])
        assert stand_ins.stop() == 0
        asking.join(60)
        assert not asking.is_alive()


@pytest.fixture
def with_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSAL_KEY", KEY)


def start(stand_ins: StandInProcess, *more: str) -> int:
    return main([*stand_ins.argv()[3:], *more])


@pytest.mark.parametrize("key", ["", "short", "x" * 15, "x" * 20 + "\u00e9"])
def test_without_a_good_key_they_do_not_start(key: str, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    monkeypatch.setenv("REHEARSAL_KEY", key)
    assert start(StandInProcess()) == 2
    assert "the key of the control port (REHEARSAL_KEY)" in capsys.readouterr().err


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize("flag", ["--time-scale", "--gateways"])
@pytest.mark.parametrize("value", ["", "x", "0", "-1", "nan", "inf", "\u00b2", "9" * 5000])
def test_a_wrong_number_is_refused_with_its_flag(flag: str, value: str, capsys: Captured) -> None:
    assert start(StandInProcess(), f"{flag}={value}") == 2
    assert capsys.readouterr().err.startswith(f"error: {flag} must be a ")


@pytest.mark.usefixtures("with_key")
@pytest.mark.parametrize("address", ["8400", "localhost:", ":8400", "127.0.0.1:http", "127.0.0.1:70000", "x:\u00b2"])
def test_a_wrong_address_is_refused(address: str, capsys: Captured) -> None:
    assert start(StandInProcess(), "--vendors", address) == 2
    assert f"HOST:PORT, not {address!r}" in capsys.readouterr().err


@pytest.mark.usefixtures("with_key")
def test_a_file_without_a_key_is_said(tmp_path: Path, capsys: Captured) -> None:
    assert start(StandInProcess(), "--key-file", str(tmp_path / "none")) == 2
    assert f"{tmp_path}/none cannot be read" in capsys.readouterr().err


@pytest.mark.usefixtures("with_key")
def test_a_port_in_use_is_said(stand_ins: StandInProcess, capsys: Captured) -> None:
    assert start(StandInProcess(control=stand_ins.control)) == 3
    assert "address already in use" in capsys.readouterr().err
