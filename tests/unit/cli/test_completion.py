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
from flowgate.cli.help import TaskHelp


def argument(name: str, positional: bool = False) -> Argument:
    return Argument(name, "str", positional, "", "")


TASKS = (
    TaskHelp("smoke", "", (argument("profile"), argument("keep"))),
    TaskHelp("profile.set", "", (argument("name", True),)),
    TaskHelp("profile.show", "", (argument("name"), argument("json"))),
    TaskHelp("service.start", "", (argument("service"),)),
)
VALUES = {"profile": lambda: ["cost", "balanced"], "profile.set:name": lambda: ["cost"], "service": lambda: ["all"]}


@pytest.mark.parametrize(
    "words, found",
    [
        ([""], ["profile", "service", "smoke"]),
        (["s"], ["service", "smoke"]),
        (["-"], ["--config", "--help", "--version"]),
        (["profile", ""], ["set", "show"]),
        (["profile", "set", ""], ["cost"]),
        (["profile", "set", "cost", ""], []),
        (["smoke", "--"], ["--help", "--keep", "--profile"]),
        (["smoke", "--profile", "b"], ["balanced"]),
        (["service", "start", ""], ["all"]),
        (["--config", "x", "pro"], ["profile"]),
        (["nonsense", ""], []),
    ],
)
def test_candidates_fit_the_last_word(words: list[str], found: list[str]) -> None:
    assert candidates(words, TASKS, VALUES) == found


ASKING = {
    "bash": "source $0.script; COMP_WORDS=(flowgate profile set co); COMP_CWORD=3; _flowgate; echo ${COMPREPLY[@]}",
    "zsh": "compdef() { :; }; compadd() { print -l $found; }; source $0.script; words=(flowgate profile set co); "
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
