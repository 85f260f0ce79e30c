"""Shell completion: candidates and scripts."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flowgate.cli.argv_words import Argument
from flowgate.cli.completion import candidates
from flowgate.cli.completion_values import known_values
from flowgate.cli.help import TaskHelp, describe
from flowgate.cli.main import load_tasks
from flowgate.errors import UsageError
from flowgate.system import locations
from tests.conftest import CHECKOUT


def argument(name: str, positional: bool = False) -> Argument:
    return Argument(name, "str", positional, "", "")


TASKS = (
    TaskHelp("smoke", "", (argument("profile"), argument("keep"))),
    TaskHelp("profile.set", "", (argument("name", True),)),
    TaskHelp("profile.show", "", (argument("name"), argument("json"))),
    TaskHelp("service.start", "", (argument("service"),)),
)
VALUES = {
    "profile": lambda typed: ["cost", "balanced"],
    "profile.set:name": lambda typed: ["cost"],
    "service": lambda typed: ["all"],
    "config": lambda typed: [f"{typed}.yaml"],
}


@pytest.mark.parametrize(
    "words, found",
    [
        ([""], ["profile", "service", "smoke"]),
        (["s"], ["service", "smoke"]),
        (["-"], ["--config", "--dry", "--help", "--version"]),
        (["profile.s"], ["profile.set", "profile.show"]),
        (["profile.set", ""], ["cost"]),
        (["profile", ""], ["set", "show"]),
        (["profile", "set", ""], ["cost"]),
        (["profile", "set", "cost", ""], []),
        (["smoke", "--"], ["--dry", "--help", "--keep", "--profile"]),
        (["smoke", "--profile", "b"], ["balanced"]),
        (["smoke", "--profile=b"], ["--profile=balanced"]),
        (["smoke", "--profile", "=", "b"], ["balanced"]),
        (["smoke", "--profile", "="], ["balanced", "cost"]),
        (["profile", "show", "--json", "x", ""], []),
        (["--config", "own"], ["own.yaml"]),
        (["--dry", "--config", "x", "sm"], ["smoke"]),
        (["service", "start", ""], ["all"]),
        (["--config", "x", "pro"], ["profile"]),
        (["nonsense", ""], []),
    ],
)
def test_candidates_fit_the_last_word(words: list[str], found: list[str]) -> None:
    assert candidates(words, TASKS, VALUES) == found


def test_words_of_a_started_program_are_not_ours() -> None:
    assert ask("client", "run", "codex", "--", "") == []
    assert "--words" not in ask("client", "run", "codex", "--")
    assert {"--model", "--small-model"} <= set(ask("client", "run", "codex", "--"))


def ask(*words: str) -> list[str]:
    tasks = describe(load_tasks())
    return candidates(words, tasks, known_values(str(locations.examples() / "embedded.yaml")))


@pytest.mark.parametrize(
    "typed, one_of_them",
    [
        ("auth login co", "codex"),
        ("auth.import-headless cl", "claude"),
        ("rehearse --scenario 4", "429"),
        ("rehearse --scenario 500,ha", "500,hang"),
        ("ask hi --model router-", "router-default"),
        ("client run co", "codex"),
        ("client.test ge", "gemini-cli"),
        ("client run codex --small-model router-", "router-cheap"),
        ("ask hi -m router-", "router-default"),
        ("cooldowns --clear ", "router-default"),
        ("steps --show pro", "promote"),
        ("profile diff cost re", "reliability"),
        ("auth login --timeout 5 ki", "kimi"),
        ("service logs su", "supervisor"),
        ("play u", "up"),
        ("completion f", "fish"),
    ],
)
def test_values_of_arguments_are_known(typed: str, one_of_them: str) -> None:
    assert one_of_them in ask(*typed.split(" "))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("own.yml", "a b.yaml", "report.json", ".hidden.yml", "plays/x.yml", "new\nline.yml"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "typed, found",
    [
        ("play ow", ["own.yml"]),
        ("play plays/", ["plays/x.yml"]),
        ("play up -e @r", ["@report.json"]),
        ("play up --report-json rep", ["report.json"]),
        ("--config o", ["own.yml"]),
        ("play ./", ["./a b.yaml", "./own.yml", "./plays/"]),
        ("play ./.h", ["./.hidden.yml"]),
        ("auth import-headless codex --source pl", ["plays/"]),
        ("play /nowhere/", []),
    ],
)
def test_files_are_candidates(folder: Path, typed: str, found: list[str]) -> None:
    assert ask(*typed.split(" ")) == found


NAMES = """
litellm_base:
  model_list:
    - {model_name: big, litellm_params: {model: openai/big}, model_info: {id: big-1}}
    - {model_name: "corp/*", litellm_params: {model: "openai/*"}}
  litellm_settings: {model_group_alias: {opus: big}}
profiles:
  one: {}
  two: {router_settings: {model_group_alias: {haiku: opus, inhouse: corp/x}}}
"""


def test_every_name_that_a_profile_answers_is_a_candidate(tmp_path: Path) -> None:
    (tmp_path / "own.yml").write_text(NAMES)
    values = known_values(str(tmp_path / "own.yml"))
    for argument_name in ("model", "cooldowns:clear"):
        assert sorted(values[argument_name]("")) == ["big", "big-1", "haiku", "inhouse", "opus"]


def test_an_invalid_config_leaves_what_needs_none(folder: Path) -> None:
    (folder / "own.yml").write_text("[")
    values = known_values("own.yml")
    assert "codex" in values["provider"]("")
    with pytest.raises(UsageError):
        values["profile"]("")


def test_stock_invoke_completes_the_same() -> None:
    argv = [sys.executable, "-m", "invoke", "--complete", "--", "inv", "auth.login"]
    done = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, check=False, timeout=60)
    assert {"codex", "auth.login"} <= set(done.stdout.split())


ASKING = {
    "bash": "source $0.script; COMP_WORDS=(flowgate profile set co); COMP_CWORD=3; _flowgate; echo ${COMPREPLY[@]}",
    "zsh": "compdef() { :; }; compadd() { print -l -- ${@:#-*}; }; source $0.script; words=(flowgate profile set co); "
    "CURRENT=4; _flowgate",
    "fish": "source $argv[1].script; complete -C 'flowgate profile set co'",
}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_completes_in_its_shell(tmp_path: Path, shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    binary = tmp_path / "flowgate"
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from flowgate.cli.main import main; main()" "$@"\n')
    binary.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    script = subprocess.run([binary, "completion", shell], env=env, capture_output=True, text=True, check=True).stdout
    (tmp_path / "x.script").write_text(script)
    flags = ["-f"] if shell == "zsh" else []
    argv = [shell, *flags, "-c", ASKING[shell], str(tmp_path / "x")]
    message = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert message.stdout.split() == ["cost"], message.stderr
