"""A gateway without CLIProxyAPIPlus: every command that needs none works, the others say what they would need."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import FAKE_SERVICE, Workspace

SECTION = re.compile(r"  cliproxyapi_plus:\n(    .*\n)+")


@pytest.fixture
def alone(workspace: Workspace) -> Workspace:
    """A workspace whose config has no CLIProxyAPIPlus; its models are at a local server."""
    return without_upstream(workspace)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A gateway without CLIProxyAPIPlus that runs."""
    with without_upstream(Workspace(tmp_path_factory.mktemp("r")).write()) as found:
        found.inv("up")
        yield found


def without_upstream(workspace: Workspace) -> Workspace:
    """Take CLIProxyAPIPlus out of a config."""
    text = SECTION.sub("", workspace.config.read_text())
    text = text.replace(f"127.0.0.1:{workspace.upstream_port}", "127.0.0.1:11434").replace("UPSTREAM_", "OWN_")
    workspace.config.write_text(text)
    workspace.variables["OWN_API_KEY"] = "sk-own-key-of-a-vendor"
    return workspace


def behind(workspace: Workspace) -> Workspace:
    """Send the first model to the default address of a CLIProxyAPIPlus that the config does not name."""
    return workspace.edit_config(("127.0.0.1:11434", "127.0.0.1:8317"))


def test_a_day_of_a_gateway_without_it(alone: Workspace) -> None:
    up = alone.inv("up")
    assert "CLIProxyAPIPlus" not in up.stderr.replace("the gateway has no CLIProxyAPIPlus", "").replace(
        "without CLIProxyAPIPlus", ""
    )
    assert list(alone.json("status")["services"]) == ["litellm"]
    assert alone.json("health")["ok"] is True
    for words in ("profile.set cost", "service.reload", "service.restart", "service.stop", "service.start", "down"):
        alone.inv(*words.split())
    assert alone.nothing_runs()


def test_the_smoke_test_passes_and_stops_everything(alone: Workspace) -> None:
    assert "PASS" in alone.inv("smoke").stdout
    assert alone.nothing_runs()


def test_only_the_key_of_the_gateway_is_generated(alone: Workspace) -> None:
    alone.inv("up")
    assert [path.name for path in (alone.folder / ".router" / "secrets").iterdir()] == ["litellm-master-key"]
    assert alone.inv("key.path").stdout.strip().endswith("litellm-master-key")
    alone.inv("down")


@pytest.mark.parametrize(
    "words",
    [
        *("auth.list", "auth.status", "auth.list --json", "auth.login codex", "auth.import-headless codex"),
        *("service.start --service cliproxyapi_plus", "service.stop --service cliproxyapi_plus"),
        *("service.restart --service cliproxyapi_plus", "service.reload --service cliproxyapi_plus"),
        *("bootstrap.rollback", "bootstrap.download --cliproxy-repo a/b", "bootstrap.download --from-file x.tar.gz"),
        *("play login -e provider=codex", "play import-auth"),
    ],
)
def test_what_needs_it_is_refused_with_what_it_would_need(alone: Workspace, words: str) -> None:
    before = alone.snapshot()
    done = alone.inv(*words.split(), code=2)
    assert "the config has no services.cliproxyapi_plus" in done.stderr
    assert "fix: to add one: write `cliproxyapi_plus: {}` below `services`" in done.stderr
    assert f"{alone.config}:4" in done.stderr
    assert words.startswith(("play", "bootstrap")) or alone.snapshot() == before


def test_its_log_is_an_unknown_service(alone: Workspace) -> None:
    assert "cliproxyapi_plus" in alone.inv("service.logs", "cliproxyapi_plus", code=2).stderr


def test_a_download_says_that_nothing_needs_it(alone: Workspace) -> None:
    done = alone.inv("bootstrap.download")
    assert "nothing needs a CLIProxyAPIPlus" in done.stderr
    assert [path.name for path in (alone.runtime / "bin").iterdir()] == ["litellm"]


@pytest.mark.parametrize("command", ["doctor", "security.check", "cooldowns", "profile.show", "explain", "events"])
def test_other_commands_do_not_fail_because_of_it(running: Workspace, command: str) -> None:
    done = running.start(command).wait_for_exit()
    assert done.returncode in (0, 1 if command in ("doctor", "security.check") else 3 if command == "cooldowns" else 0)
    assert "there is no CLIProxyAPIPlus" not in done.stderr
    assert not [line for line in done.stdout.splitlines() if line.startswith("fail") and "cliproxy" in line]


def test_doctor_says_that_litellm_runs_alone(alone: Workspace) -> None:
    found = alone.start("doctor", "--json").wait_for_exit()
    (upstream,) = [one for one in json.loads(found.stdout)["findings"] if one["check"] == "upstream"]
    assert (upstream["status"], "LiteLLM calls the providers itself" in upstream["message"]) == ("pass", True)


def test_the_profile_promises_nothing_about_it(alone: Workspace) -> None:
    shown = alone.json("profile.show")
    assert shown["cliproxyapi_plus"] == {}
    assert not [line for line in shown["in_words"] if "(CLIProxyAPIPlus)" in line]
    assert "settings of CLIProxyAPIPlus" not in alone.inv("profile.show").stdout


@pytest.mark.parametrize("words", ["up", "smoke", "service.start", "service.restart"])
def test_a_model_behind_an_absent_one_is_refused_at_its_line(alone: Workspace, words: str) -> None:
    done = behind(alone).inv(*words.split(), code=2)
    line = next(n for n, row in enumerate(alone.config.read_text().splitlines(), 1) if "8317" in row)
    assert f"{alone.config}:{line}" in done.stderr
    assert "model 'router-default' (http://127.0.0.1:8317/v1) needs CLIProxyAPIPlus, which is neither in" in done.stderr
    assert alone.nothing_runs()


@pytest.mark.parametrize("base", ["http://127.0.0.1:8317/v1", "http://localhost:8317"])
def test_a_variable_that_leads_to_an_absent_one_is_refused_at_its_line(alone: Workspace, base: str) -> None:
    alone.edit_config(("http://127.0.0.1:11434/v1", "os.environ/BASE"))
    alone.variables["BASE"] = base
    done = alone.inv("up", code=2)
    assert "os.environ/BASE sends model 'router-default' to 127.0.0.1:8317" in done.stderr
    assert alone.nothing_runs()


def test_an_old_config_whose_program_is_installed_works_as_before_and_is_told(alone: Workspace) -> None:
    program = alone.runtime / "bin" / "CLIProxyAPIPlus"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {FAKE_SERVICE} upstream {alone.folder} "$@"\n')
    program.chmod(0o700)
    shown = behind(alone).inv("up", "--dry")
    assert "services.cliproxyapi_plus is not in the config, but model 'router-default'" in shown.stderr
    assert "start" in shown.stderr
    assert "cliproxyapi_plus" in shown.stderr


def test_what_runs_since_the_config_had_it_is_shown_and_stopped(workspace: Workspace) -> None:
    workspace.inv("up")
    old = workspace.config.read_text()
    workspace.config.write_text(SECTION.sub("", old).replace(f":{workspace.upstream_port}/", ":11434/"))
    workspace.config.write_text(workspace.config.read_text().replace("UPSTREAM_API_KEY", "LITELLM_MASTER_KEY"))
    done = workspace.inv("status")
    assert "cliproxyapi_plus runs, but the config has no services.cliproxyapi_plus" in done.stderr
    workspace.inv("down")
    assert workspace.nothing_runs()
    assert Path(workspace.config).is_file()
