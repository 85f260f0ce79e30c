"""Its command line, its start, its reload, its ways of ending."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowgate.system.clock import Clock, poll
from tests.unit.embedded_upstream.conftest import KEY, MODELS, Upstream, write_config

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "data" / "v6.8.16-0.answers.json").read_text(encoding="utf-8")
)


def run(*words: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False, cwd=cwd)


def listed(upstream: Upstream) -> list[str]:
    reply = upstream.ask("GET", "/v1/models", headers={"Authorization": f"Bearer {KEY}"})
    return [one["id"] for one in json.loads(reply.text).get("data", ())]


def test_the_first_line_is_the_version_and_the_second_says_what_it_is() -> None:
    first, second = run("-config", "/nowhere/config.yaml").stdout.splitlines()[:2]
    assert first.startswith("CLIProxyAPI Version: 6.8.16-0-plus, Commit: embedded, BuiltAt: ")
    assert "not a provider" in second


def test_an_unknown_flag_ends_with_2_in_the_real_programs_words() -> None:
    done = run("-nosuchflag")
    assert done.returncode == RECORDED["cli.unknown_flag"]["exit"]
    assert done.stderr.startswith(RECORDED["cli.unknown_flag"]["stderr"])


@pytest.mark.parametrize(
    "name, text",
    [
        ("cli.config_missing", None),
        ("cli.config_invalid", "a: [1\n"),
        ("cli.config_wrong_type", "port: not-a-number\n"),
    ],
)
def test_a_config_that_cannot_be_used_ends_with_0_and_says_so(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    done = run("-config", str(path))
    words = RECORDED[name]["stdout"].split("[error]")[1].split("] ", 1)[1].split(":")
    assert done.returncode == RECORDED[name]["exit"] == 0
    assert ":".join(words[:2]) in done.stdout


def test_a_busy_port_is_called_started_and_ends_with_0(upstream: Upstream, tmp_path: Path) -> None:
    done = run("-config", str(write_config(tmp_path / "c.yaml", upstream.port)))
    assert done.returncode == RECORDED["cli.port_busy"]["exit"]
    assert f"API server started successfully on: 127.0.0.1:{upstream.port}" in done.stdout
    assert "bind: address already in use" in done.stdout


@pytest.mark.parametrize("wrong", [{"port": 99999}, {"auth-dir": "/dev/null"}, {"api-keys": "sk-one"}])
def test_a_config_that_cannot_be_served_ends_with_0_and_no_traceback(tmp_path: Path, wrong: dict[str, Any]) -> None:
    path = write_config(tmp_path / "c.yaml", 0)
    path.write_text(json.dumps({**json.loads(path.read_text()), **wrong}))
    done = run("-config", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "[error]" in done.stdout


def test_keys_of_the_wrong_type_do_not_open_a_running_one(start: Any) -> None:
    upstream = start()
    upstream.config.write_text(json.dumps({**json.loads(upstream.config.read_text()), "api-keys": "sk-one"}))
    log = upstream.config.with_name("log")
    assert poll(lambda: "failed to reload config" in log.read_text(), Clock(), every=0.05, timeout=5)
    assert upstream.ask("GET", "/v1/models").status == 401


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    path = write_config(tmp_path / "c.yaml", 0)
    path.write_text(path.read_text().replace("127.0.0.1", ""))
    assert "loopback only" in run("-config", str(path)).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(start: Any, number: int) -> None:
    process = start().process
    process.send_signal(number)
    assert process.wait(10) == 0


def test_its_auth_folder_is_made_private(upstream: Upstream) -> None:
    assert (upstream.config.parent / "auth").stat().st_mode & 0o777 == 0o700


def test_what_is_written_in_place_is_used_without_a_restart(start: Any) -> None:
    upstream = start(models=MODELS)
    write_config(upstream.config, upstream.port, models=("another",))
    assert poll(lambda: listed(upstream) == ["another"], Clock(), every=0.05, timeout=5)


def test_a_broken_config_keeps_the_old_one(start: Any) -> None:
    upstream = start(models=MODELS)
    upstream.config.write_text("a: [")
    log = upstream.config.with_name("log")
    assert poll(lambda: "failed to reload config" in log.read_text(), Clock(), every=0.05, timeout=5)
    assert listed(upstream) == list(MODELS)


def test_after_a_rename_no_later_edit_is_seen(start: Any, tmp_path: Path) -> None:
    upstream = start(models=MODELS)
    other = write_config(tmp_path / "new.yaml", upstream.port, models=("renamed",))
    other.replace(upstream.config)
    write_config(upstream.config, upstream.port, models=("edited",))
    assert not poll(lambda: listed(upstream) != list(MODELS), Clock(), every=0.05, timeout=0.6)


@pytest.mark.parametrize("flag", [True, False])
def test_the_newer_contract_is_named_by_a_flag_or_in_the_config(tmp_path: Path, flag: bool) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"host": "", "embedded": {} if flag else {"contract": "7.2"}}))
    done = run(*(("--contract", "7.2") if flag else ()), "-config", str(path))
    assert done.stdout.startswith("CLIProxyAPI Version: 7.2.101-1, Commit: embedded, BuiltAt: ")


def test_an_unknown_contract_is_refused(tmp_path: Path) -> None:
    done = run("--contract", "8")
    assert (done.returncode, done.stderr) == (2, "the contract must be 6.8 or 7.2, not '8'\n")
