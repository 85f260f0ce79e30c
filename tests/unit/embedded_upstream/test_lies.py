"""It lies on demand, each way as its list says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowgate.system import sockets
from flowgate.system.clock import Clock, poll
from tests.unit.embedded_upstream.conftest import Reply, Upstream

MANAGE = {"X-Management-Key": "mgmt"}
Lying = Callable[..., Upstream]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[Lying]:
    """Starts one that tells the given lies."""
    running: list[subprocess.Popen[bytes]] = []

    def begin(lies: str, contract: str = "7.2") -> Upstream:
        port, config = sockets.free_port(), tmp_path / "config.yaml"
        remote = {"secret-key": "mgmt", "disable-control-panel": True}
        tree = {"host": "127.0.0.1", "port": port, "auth-dir": str(tmp_path / "auth"), "remote-management": remote}
        own = {"models": ["m"], "lies": lies.split(","), "contract": contract}
        config.write_text(json.dumps({**tree, "embedded": own}))
        log = (tmp_path / "log").open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "flowgate.embedded_upstream", "-config", str(config)], stdout=log
        )
        log.close()
        running.append(process)
        upstream = Upstream(port, config, process)  # type: ignore[arg-type]
        assert poll(lambda: listens(upstream), Clock(), every=0.02, timeout=20)
        return upstream

    yield begin
    for process in running:
        process.kill()
        process.wait()


def listens(upstream: Upstream) -> bool:
    try:
        return bool(upstream.ask("GET", "/"))
    except OSError:
        return False


def manage(upstream: Upstream, path: str) -> Reply:
    return upstream.ask("GET", f"/v0/management/{path}", headers=MANAGE)


def told(upstream: Upstream, path: str) -> Any:
    return json.loads(manage(upstream, path).text)


def log_in(upstream: Upstream) -> str:
    """Go through a whole login; give how it ended."""
    state = told(upstream, "codex-auth-url")["state"]
    body = {"provider": "codex", "code": "good", "state": state}
    upstream.ask("POST", "/v0/management/oauth-callback", headers=MANAGE, body=body)
    asked = f"get-auth-status?state={state}"
    poll(lambda: told(upstream, asked)["status"] != "wait", Clock(), every=0.05, timeout=2)
    return str(told(upstream, asked)["status"])


def test_the_list_names_every_lie() -> None:
    done = run("--lie", "list")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) >= 12


def test_an_unknown_lie_is_refused(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text('{"host": "127.0.0.1"}')
    done = run("--lie", "white", "-config", str(tmp_path / "c.yaml"))
    assert (done.returncode, done.stderr) == (2, "no lie is called 'white'; --lie list names them\n")


def test_it_says_that_it_started_and_is_gone(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(json.dumps({"host": "127.0.0.1", "port": 1, "auth-dir": str(tmp_path)}))
    done = run("--lie", "busy-exit-0", "-config", str(tmp_path / "c.yaml"))
    assert done.returncode == 0
    assert "API server started successfully on: 127.0.0.1:1" in done.stdout


@pytest.mark.parametrize("lie, ends", [("ok-without-file", "ok"), ("never-ok", "wait")])
def test_a_login_leaves_no_file(lying: Lying, lie: str, ends: str) -> None:
    upstream = lying(lie)
    assert log_in(upstream) == ends
    assert told(upstream, "auth-files")["files"] == []


@pytest.mark.parametrize(
    "lie, key, value",
    [("wrong-provider", "provider", "claude"), ("file-disabled", "disabled", True), ("file-empty", "size", 0)],
)
def test_a_login_leaves_a_wrong_file(lying: Lying, lie: str, key: str, value: object) -> None:
    upstream = lying(lie)
    assert log_in(upstream) == "ok"
    assert told(upstream, "auth-files")["files"][0][key] == value


def test_small_lies_about_states_keys_and_lists(lying: Lying) -> None:
    upstream = lying("unknown-state-ok,any-management-key,no-auth-files,no-models,no-version-header,empty-answers")
    assert told(upstream, "get-auth-status?state=nobody") == {"status": "ok"}
    wrong = upstream.ask("GET", "/v0/management/auth-files", headers={"X-Management-Key": "wrong"})
    assert (wrong.status, wrong.headers["x-cpa-version"]) == (200, None)
    assert log_in(upstream) == "ok"
    assert told(upstream, "auth-files")["files"] == []
    assert json.loads(upstream.ask("GET", "/v1/models").text)["data"] == []
    chat = json.loads(upstream.post("/v1/chat/completions", {"model": "m", "messages": []}).text)
    assert chat["choices"][0]["message"]["content"] == ""


def test_more_lies_about_states_files_and_versions(lying: Lying) -> None:
    upstream = lying("file-expired,other-version", "6.8")
    assert log_in(upstream) == "ok"
    assert manage(upstream, "debug").headers["x-cpa-version"] == "7.2.101-1"
    (path,) = (upstream.config.parent / "auth").glob("codex-*.json")
    assert json.loads(path.read_text())["expired"] < json.loads(path.read_text())["last_refresh"]


def test_every_state_is_ok(lying: Lying) -> None:
    upstream = lying("status-always-ok")
    assert told(upstream, f"get-auth-status?state={told(upstream, 'codex-auth-url')['state']}") == {"status": "ok"}


@pytest.mark.parametrize("lie, begins", [("html-everywhere", "<html>"), ("stranger", '{"service"')])
def test_somebody_else_seems_to_answer(lying: Lying, lie: str, begins: str) -> None:
    reply = manage(lying(lie), "auth-files")
    assert (reply.status, reply.text[: len(begins)]) == (200, begins)


def test_answers_break_off(lying: Lying) -> None:
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        json.loads(manage(lying("truncated,slow=0.1"), "config").text)
