from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from flowgate.system.listeners import Listener, listeners


def test_a_listener_has_process_and_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        assert Listener(os.getpid(), "127.0.0.1", sock.getsockname()[1]) in listeners([os.getpid()])


def test_a_process_that_has_ended_has_no_listeners() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert listeners([ended.pid]) == []


@pytest.mark.parametrize(
    "host, private",
    [("127.0.0.9", True), ("::1", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", False), ("::", False)],  # noqa: S104
)
def test_only_loopback_addresses_are_private(host: str, private: bool) -> None:
    assert Listener(1, host, 80).is_private is private
