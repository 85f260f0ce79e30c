from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from flowgate.cli.checks import runtime
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.gateway import install_record
from flowgate.system.bytecode import State
from tests.unit.cli.sessions import SessionFactory, put

PROGRAM = "#!/bin/sh\n"
RECORD = {
    **dict.fromkeys(install_record.FIELDS, "?"),
    "version": "v1",
    "binary_sha256": hashlib.sha256(PROGRAM.encode()).hexdigest(),
    "level": "pinned",
}


def binary(session: Session, **record: str) -> Path:
    """Install CLIProxyAPIPlus, with a record if one is given."""
    path = put(session.config.paths.runtime_dir / "bin" / "CLIProxyAPIPlus", PROGRAM, 0o700)
    if record:
        put(path.with_name("CLIProxyAPIPlus.lock"), json.dumps(record))
    return path


def upstream(session: Session) -> Finding:
    return next(one for one in runtime.binaries(session) if "CLIProxyAPIPlus" in one.message)


def test_a_missing_binary_fails_and_names_the_download(new_session: SessionFactory) -> None:
    found = upstream(new_session())
    assert (found.status, found.fix) == (
        "fail",
        "inv bootstrap.download --source NAME (inv bootstrap.sources lists the sources)",
    )


def test_a_missing_program_of_the_user_is_not_downloaded(new_session: SessionFactory) -> None:
    found = upstream(new_session((".router/runtime/bin/CLIProxyAPIPlus", "mine/CLIProxyAPIPlus")))
    assert (found.status, found.fix.startswith("ls -l /")) == ("fail", True)


def test_a_binary_that_is_not_executable_names_its_chmod(new_session: SessionFactory) -> None:
    binary(one := new_session()).chmod(0o600)
    assert (upstream(one).status, upstream(one).fix[:10]) == ("fail", "chmod u+x ")


@pytest.mark.parametrize(
    "record, status, words",
    [
        ({}, "warn", "its origin is not recorded"),
        (RECORD, "pass", "(v1) is unchanged since it was installed (verified by: pinned)"),
        (RECORD | {"level": "none"}, "warn", "was installed without a checksum"),
        (RECORD | {"binary_sha256": "0" * 64}, "fail", "has changed since it was installed"),
        ({"version": "v1"}, "fail", "is damaged"),
    ],
)
def test_a_binary_is_compared_with_the_record_of_its_installation(
    new_session: SessionFactory, record: dict[str, str], status: str, words: str
) -> None:
    binary(one := new_session(), **record)
    found = upstream(one)
    assert found.status == status
    assert words in found.message


def test_runners_that_do_not_exist_yet_are_a_warning(new_session: SessionFactory) -> None:
    assert {one.status for one in runtime.binaries(new_session(embedded=True))} == {"warn"}


def test_a_runner_of_another_environment_is_a_warning(new_session: SessionFactory) -> None:
    one = new_session(embedded=True)
    put(one.config.paths.runtime_dir / "bin" / "litellm", "#!/bin/sh\nexec /gone/python\n", 0o700)
    assert any("was written for another environment" in found.message for found in runtime.binaries(one))


# --- LiteLLM


def release(monkeypatch: pytest.MonkeyPatch, installed: str | None, locked: str = "1.106.2") -> list[Finding]:
    monkeypatch.setattr("flowgate.system.installed.version", lambda name: installed)
    monkeypatch.setattr("flowgate.system.installed.locked", lambda root, name: locked)
    return list(runtime.litellm_release())


@pytest.mark.parametrize(
    "version, words",
    [("1.82.8", "malicious"), ("1.107.0", "compromised"), (None, "is not installed")],
)
def test_a_blocked_or_missing_litellm_fails(monkeypatch: pytest.MonkeyPatch, version: str | None, words: str) -> None:
    [found] = release(monkeypatch, version)
    assert (found.status, words in found.message, found.fix) == ("fail", True, "uv sync --locked")


def test_a_lock_with_a_blocked_litellm_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.status for one in release(monkeypatch, "1.106.2", "1.82.7")] == ["pass", "fail"]


def test_a_litellm_that_differs_from_the_lock_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.status for one in release(monkeypatch, "1.106.1")] == ["warn"]


@pytest.mark.parametrize(
    "state, status", [(State(False), "pass"), (State(True), "warn"), (State(False, Path("/site")), "warn")]
)
def test_an_environment_without_bytecode_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, state: State, status: str
) -> None:
    monkeypatch.setattr("flowgate.system.bytecode.state", lambda: state)
    assert [one.status for one in runtime.environment_bytecode()] == [status]


# --- ports and variables


@pytest.mark.parametrize("embedded, status", [(False, "fail"), (True, "warn")])
def test_a_port_in_use_names_its_owner(new_session: SessionFactory, embedded: bool, status: str) -> None:
    one = new_session(embedded=embedded)
    with socket.create_server(("127.0.0.1", one.config.services["litellm"].port)):
        found = next(iter(runtime.ports(one)))
    assert (found.status, found.fix) == (status, f"kill {os.getpid()}")
    assert f"is in use by process {os.getpid()}" in found.message


def test_free_ports_pass(new_session: SessionFactory) -> None:
    assert [one.status for one in runtime.ports(new_session())] == ["pass", "pass"]


def test_a_port_in_use_by_our_process_passes(new_session: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    one = new_session()
    with socket.create_server(("127.0.0.1", port := one.config.services["litellm"].port)):
        generation = {"pid": os.getpid(), "port": port, "phase": "serving"}
        status = {"supervisor": None, "services": {"litellm": {"generations": [generation]}}}
        monkeypatch.setattr(one.supervisor, "status", lambda: status)
        assert f"port 127.0.0.1:{port} is in use by litellm" in [found.message for found in runtime.ports(one)]


def test_a_needed_variable_without_a_value_fails_at_its_line(new_session: SessionFactory) -> None:
    found = next(one for one in runtime.variables(new_session(environment={"PATH": ""})) if one.status == "fail")
    assert "the variable FIRST_KEY is not set (" in found.message
    assert found.fix == "export FIRST_KEY=…"
    assert found.detail.endswith("/.router/secrets/first-key")
    assert f"; to keep it, {found.detail}" in found.message


def test_a_variable_of_an_unneeded_model_is_a_warning(new_session: SessionFactory) -> None:
    found = next(one for one in runtime.variables(new_session()) if one.status == "warn")
    assert "SPARE_KEY" in found.message
    assert found.fix == "export SPARE_KEY=…"
    assert found.message.endswith("/.router/secrets/spare-key")


def test_our_own_keys_may_be_missing_before_the_first_start(new_session: SessionFactory) -> None:
    assert "`inv up` generates them" in next(
        one.message for one in runtime.variables(new_session()) if one.status == "pass"
    )


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_proxy_with_which_litellm_cannot_start_fails(new_session: SessionFactory, name: str) -> None:
    environment = {"FIRST_KEY": "x", name: "socks4://127.0.0.1:1"}
    found = [one for one in runtime.variables(new_session(environment=environment)) if one.status == "fail"]
    assert ["it knows no socks4://" in one.message for one in found] == [True]
