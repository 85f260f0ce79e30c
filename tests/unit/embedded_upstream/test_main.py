"""Command line, start, reload and exit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flowgate.system.clock import Clock, poll
from tests.contract.subject import Tree
from tests.unit.embedded_upstream.conftest import MODELS, Start, Upstream, write_config

RECORDED: dict[str, Tree] = json.loads(
    (Path(__file__).parent / "data" / "v6.8.16-0.command_line.json").read_text(encoding="utf-8")
)


def run(*words: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "flowgate.embedded_upstream", *words]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def listed(upstream: Upstream) -> list[str]:
    return [one["id"] for one in json.loads(upstream.request("GET", "/v1/models").text).get("data", ())]


def logged(upstream: Upstream, words: str) -> bool:
    return bool(poll(lambda: words in upstream.log, Clock(), every=0.05, timeout=60))


def test_the_first_line_is_the_version_and_the_second_names_the_program() -> None:
    first, second = run("-config", "/nowhere/config.yaml").stdout.splitlines()[:2]
    assert first.startswith("CLIProxyAPI Version: 6.8.16-0-plus, Commit: embedded, BuiltAt: ")
    assert "not a provider" in second


def test_an_unknown_flag_is_reported_in_the_real_programs_words_and_exits_with_2() -> None:
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
def test_an_unusable_config_is_reported_and_exits_with_0(tmp_path: Path, name: str, text: str | None) -> None:
    path = tmp_path / "config.yaml"
    if text is not None:
        path.write_text(text)
    done = run("-config", str(path))
    words = RECORDED[name]["stdout"].split("[error]")[1].split("] ", 1)[1].split(":")
    assert done.returncode == RECORDED[name]["exit"] == 0
    assert ":".join(words[:2]) in done.stdout


def test_a_taken_port_is_reported_after_the_start_and_exits_with_0(upstream: Upstream, tmp_path: Path) -> None:
    done = run("-config", str(write_config(tmp_path / "c.yaml", upstream.port)))
    assert done.returncode == RECORDED["cli.port_busy"]["exit"]
    assert f"API server started successfully on: 127.0.0.1:{upstream.port}" in done.stdout
    assert "bind: address already in use" in done.stdout


@pytest.mark.parametrize("wrong", [{"port": 99999}, {"auth_dir": "/dev/null"}, {"api_keys": "sk-one"}])
def test_an_impossible_value_exits_with_0_and_no_traceback(tmp_path: Path, wrong: Tree) -> None:
    done = run("-config", str(write_config(tmp_path / "c.yaml", **{"port": 0, **wrong})))
    assert (done.returncode, done.stderr) == (0, "")
    assert "[error]" in done.stdout


def test_keys_of_the_wrong_type_do_not_admit_every_client(start: Start) -> None:
    upstream = start()
    write_config(upstream.config, upstream.port, api_keys="sk-one")
    assert logged(upstream, "failed to reload config")
    assert upstream.request("GET", "/v1/models", headers={}).status == 401


def test_it_listens_on_loopback_only(tmp_path: Path) -> None:
    assert "loopback only" in run("-config", str(write_config(tmp_path / "c.yaml", 0, host=""))).stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_it_exit_with_0(start: Start, number: int) -> None:
    process = start().process
    process.send_signal(number)
    assert process.wait(60) == 0


def test_the_auth_folder_is_created_private(upstream: Upstream) -> None:
    assert (upstream.config.parent / "auth").stat().st_mode & 0o777 == 0o700


def test_a_config_written_in_place_is_reloaded(start: Start) -> None:
    upstream = start(embedded={"models": MODELS})
    write_config(upstream.config, upstream.port, embedded={"models": ["another"]})
    assert poll(lambda: listed(upstream) == ["another"], Clock(), every=0.05, timeout=60)


def test_an_invalid_config_is_not_used(start: Start) -> None:
    upstream = start(embedded={"models": MODELS})
    upstream.config.write_text("a: [")
    assert logged(upstream, "failed to reload config")
    assert listed(upstream) == MODELS


def test_a_renamed_config_and_later_edits_are_not_reloaded(start: Start, tmp_path: Path) -> None:
    upstream = start(embedded={"models": MODELS})
    other = write_config(tmp_path / "new.yaml", upstream.port, embedded={"models": ["renamed"]})
    other.replace(upstream.config)
    write_config(upstream.config, upstream.port, embedded={"models": ["edited"]})
    assert not poll(lambda: listed(upstream) != MODELS, Clock(), every=0.05, timeout=0.6)


@pytest.mark.parametrize("flag", [True, False])
def test_the_newer_line_is_chosen_by_a_flag_or_in_the_config(tmp_path: Path, flag: bool) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(json.dumps({"host": "", "embedded": {} if flag else {"contract": "7.2"}}))
    done = run(*(("--contract", "7.2") if flag else ()), "-config", str(path))
    assert done.stdout.startswith("CLIProxyAPI Version: 7.2.101-1, Commit: embedded, BuiltAt: ")


def test_an_unknown_contract_is_an_error() -> None:
    done = run("--contract", "8")
    assert (done.returncode, done.stderr) == (2, "the contract must be 6.8, 7.2, 7.2.137 or 7.2.140, not '8'\n")


def test_a_plain_management_key_is_hashed_in_the_file_and_comments_stay(start: Start) -> None:
    upstream = start(remote_management={"secret-key": "mgmt"})
    upstream.config.write_text(
        f"# mine\nport: {upstream.port}\nhost: 127.0.0.1\nremote-management:\n  secret-key: other  # kept\n"
    )
    assert logged(upstream, "config successfully reloaded")
    text = upstream.config.read_text()
    assert text.startswith("# mine\n")
    assert 'secret-key: "$2a$10$' in text
    assert text.endswith("  # kept\n")
    assert upstream.request("GET", "/v0/management/debug", headers={"X-Management-Key": "other"}).status == 200


def test_management_values_are_written_to_the_file(start: Start) -> None:
    upstream = start(remote_management={"secret-key": "mgmt"}, routing={"strategy": "ff"})
    path, key = "/v0/management/routing/strategy", {"X-Management-Key": "mgmt"}
    assert json.loads(upstream.request("GET", path, headers=key).text) == {"strategy": "fill-first"}
    assert upstream.request("PUT", path, headers=key, body={"value": "round-robin"}).status == 200
    assert json.loads(upstream.config.read_text())["routing"] == {"strategy": "round-robin"}
