"""`client test`: a scripted program in a home of its own, judged by what the gateway recorded."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowgate.cli import client_test
from flowgate.cli.session import Session
from flowgate.clients import keys, registry
from flowgate.errors import CheckFailed, ProgramMissing, UsageError
from flowgate.system import processes
from flowgate.system.command import CommandResult
from tests.conftest import wait
from tests.unit.cli.sessions import SessionFactory
from tests.unit.steps.conftest import FakeSupervisor


class Recording(FakeSupervisor):
    """A supervisor whose gateway has recorded one request of the tested client."""

    def recent_requests(self, service: str) -> list[dict[str, Any]]:
        return self.query_rows[service]

    def answer(self, name: str, path: str, **more: Any) -> None:
        """Record a request of the client that this process will make."""
        attempt: dict[str, Any] = {
            "model": "router-default",
            "deployment": "openai/a",
            "id": "a",
            "host": "h:1",
            "at": 0.0,
        }
        attempt |= {"seconds": 0.1, "status": None, "error": ""}
        row: dict[str, Any] = {
            "path": path,
            "method": "POST",
            "at": 0.0,
            "status": 200,
            "generation": 1,
            "seconds": 0.1,
        }
        row |= {
            "seconds": 0.1,
            "client": f"{name}-test-{os.getpid()}",
            "attempts": [{**attempt, "seconds": 0.1, "status": None, "error": ""}],
        }
        self.query_rows.setdefault("litellm", []).append(row | more)


@pytest.fixture
def gateway() -> Recording:
    found = Recording(query_rows={"litellm": []})
    found.run("litellm", port=4000)
    return found


@pytest.fixture
def place(
    new_session: SessionFactory, gateway: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Session]:
    """Return a function that makes a session whose PATH has a scripted program."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def make(script: str, name: str = "codex") -> Session:
        program = tmp_path / "bin" / name
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo '{name} 1.2.3' && exit\n{script}\n")
        program.chmod(0o700)
        session = new_session(
            environment={"FIRST_KEY": "x", "PATH": f"{program.parent}:/usr/bin:/bin", "OPENAI_API_KEY": "sk-mine"}
        )
        return Session(session.config, session.named, session.environment, gateway)  # type: ignore[arg-type]

    return make


def attempt(session: Session, name: str = "codex", *, run: bool = True, timeout: float = 20.0) -> client_test.Report:
    program = registry.find(name)
    client_test._check(program, run)
    return client_test.try_program(session, program, 'say "hi"', timeout, run)[0]


def test_the_answer_and_who_gave_it_are_reported(place: Callable[..., Session], gateway: Recording) -> None:
    gateway.answer("codex", "/v1/responses")
    report = attempt(place('for word; do last=$word; done; echo "got $last"'))
    assert (report["answer"], report["problem"], report["program_version"]) == ('got say "hi"', "", "1.2.3")
    assert (report["protocol"], report["deployment"], report["asked"]) == ("responses", "openai/a", "router-default")


def test_the_program_sees_its_own_home_and_none_of_the_users_keys(
    place: Callable[..., Session], gateway: Recording, tmp_path: Path
) -> None:
    gateway.answer("codex", "/v1/responses")
    script = 'echo "$HOME|$(stat -c %a "$HOME" "$PWD")|${OPENAI_API_KEY-none}|${FLOWGATE_CODEX_KEY#fg-}" | tr "\\n" " "'
    home, modes, key, own = attempt(place(script))["answer"].split("|")
    assert (modes, key, len(own) > 30) == ("700 700", "none", True)
    assert home.startswith(str(tmp_path))
    assert not Path(home).exists()


def test_files_are_written_as_client_add_would(place: Callable[..., Session], gateway: Recording) -> None:
    gateway.answer("codex", "/v1/responses")
    report = attempt(place('cat "$HOME/.codex/config.toml"; echo "${FLOWGATE_CODEX_KEY-none} $#"'), run=False)
    assert report["how"] == "files"
    assert 'model_provider = "flowgate"' in report["answer"]
    assert report["answer"].endswith("none 3")


@pytest.mark.parametrize(
    ("rows", "script", "problem"),
    [
        ([], "echo hi", "sent no request to the gateway"),
        ([{"status": 401, "attempts": []}], "echo hi", "was refused by the gateway (/v1/responses)"),
        ([{}], "echo no; exit 4", "ended with exit code 4"),
        ([{}], "kill -9 $$", "was ended by signal 9"),
        ([{}], "true", "printed no answer"),
        ([{"client": "another"}], "echo hi", "sent no request to the gateway"),
    ],
)
def test_green_means_answered_through_the_gateway(
    place: Callable[..., Session], gateway: Recording, rows: list[dict[str, Any]], script: str, problem: str
) -> None:
    for row in rows:
        gateway.answer("codex", "/v1/responses", **row)
    report = attempt(place(script))
    assert report["problem"] == problem
    with pytest.raises(CheckFailed, match=f"Codex {re.escape(problem)}"):
        client_test._print(report, CommandResult(1, "", "said\n"), registry.find("codex"), False)


def test_a_program_that_hangs_is_ended_with_its_children(place: Callable[..., Session], tmp_path: Path) -> None:
    seconds = f"4714.{os.getpid()}"  # of this test, whatever else sleeps on this machine
    session = place(f"sleep {seconds} & sleep {seconds}")
    report = attempt(session, timeout=2.0)
    assert (report["problem"], report["exit_code"]) == ("did not end within 2 s (no requests)", None)
    assert wait(lambda: not processes.find(("sleep", seconds)))
    assert (keys.keys_of(session.config).read(), [*tmp_path.glob("flowgate-client-*")]) == ({}, [])


def test_the_key_is_known_while_the_program_runs_and_void_afterwards(
    place: Callable[..., Session], gateway: Recording, tmp_path: Path
) -> None:
    session = place("true")
    file = keys.keys_of(session.config).path
    (tmp_path / "bin" / "codex").write_text(f"#!/bin/sh\ncat {file}\n")
    gateway.answer("codex", "/v1/responses")
    table = json.loads(attempt(session)["answer"])
    assert [one for one in table["clients"] if one.startswith("codex-test-")]
    assert keys.keys_of(session.config).read() == {}


@pytest.mark.parametrize(
    ("name", "run", "fix"),
    [("openai-env", False, "client.run openai-env"), ("continue", True, "client.add NAME --program continue")],
)
def test_what_cannot_be_tested_is_refused_with_what_can_be_done(name: str, run: bool, fix: str) -> None:
    with pytest.raises(UsageError) as refused:
        client_test._check(registry.find(name), run)
    assert fix in refused.value.fix


def test_a_missing_program_is_named_with_its_installation(place: Callable[..., Session]) -> None:
    with pytest.raises(ProgramMissing) as missing:
        attempt(place("true"), "claude-code")
    assert "npm install -g @anthropic-ai/claude-code" in missing.value.fix


@pytest.mark.parametrize(
    ("path", "protocol"),
    [
        ("/v1/chat/completions", "chat"),
        ("/chat/completions", "chat"),
        ("/v1/responses", "responses"),
        ("/v1/messages", "messages"),
        ("/v1/messages/count_tokens", ""),
        ("/v1beta/models/m:generateContent", "google"),
        ("/v1beta/models/m:streamGenerateContent", "google"),
        ("/v1/models", ""),
    ],
)
def test_the_path_names_the_protocol(path: str, protocol: str) -> None:
    assert client_test.protocol_of(path) == protocol
