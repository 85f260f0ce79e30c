from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.domain import Change
from flowgate.errors import CheckFailed, ProgramMissing, Unreachable, UsageError
from flowgate.steps.command import command
from flowgate.system.deadline import deadline
from tests.conftest import wait
from tests.unit.system.test_command import SECONDS, sleeping

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.steps.conftest import Stage


def sh(stage: Stage, text: str, **more: Any) -> tuple[str, dict[str, Any]]:
    """Run a text in a shell."""
    return stage.apply(command, **{"shell": text, **more})


def test_a_command_counts_as_changed_and_returns_its_output(stage: Stage) -> None:
    status, facts = stage.apply(command, argv=["/bin/sh", "-c", "echo a; echo b >&2"])
    assert (status, facts["rc"], facts["stdout"], facts["stderr_lines"]) == ("changed", 0, "a", ["b"])


def test_argv_and_cmd_are_not_run_by_a_shell(stage: Stage) -> None:
    assert stage.apply(command, argv=["echo", "$HOME", "a  b|c"])[1]["stdout"] == "$HOME a  b|c"
    assert stage.apply(command, cmd="echo $HOME 'a  b' | c")[1]["stdout"] == "$HOME a  b | c"


def test_shell_syntax_works_with_shell(stage: Stage) -> None:
    assert sh(stage, "printf 'a\\nb\\n' | wc -l")[1]["stdout"].strip() == "2"


def test_folder_environment_and_input_are_used(stage: Stage, tmp_path: Path) -> None:
    shell = "pwd; echo $A $B; cat"
    stage.environment["A"] = "outer"
    message = sh(stage, shell, cwd=tmp_path, env={"B": "inner"}, stdin="in")[1]["stdout_lines"]
    assert message == [str(tmp_path), "outer inner", "in"]
    assert stage.apply(command, cmd="pwd", chdir=tmp_path)[1]["stdout"] == str(tmp_path)


def test_the_default_input_is_empty(stage: Stage) -> None:
    assert stage.apply(command, cmd="cat")[1]["stdout"] == ""


def test_creates_and_removes_skip_the_command(stage: Stage, tmp_path: Path) -> None:
    assert [sh(stage, "touch made", cwd=tmp_path, creates=tmp_path / "made")[0] for _ in range(2)] == [
        "changed",
        "unchanged",
    ]
    (tmp_path / "made").unlink()
    assert sh(stage, "touch made", cwd=tmp_path, removes=tmp_path / "made")[0] == "unchanged"
    assert not (tmp_path / "made").exists()


def test_a_failure_shows_the_output_and_keeps_its_facts(stage: Stage) -> None:
    with pytest.raises(CheckFailed) as caught:
        sh(stage, "echo out; echo err >&2; exit 4")
    assert caught.value.what == "`echo out; echo err >&2; exit 4` ended with exit code 4"
    assert caught.value.log == ("out", "err")
    assert (caught.value.facts["rc"], caught.value.facts["changed"]) == (4, True)


def test_a_signal_is_reported(stage: Stage) -> None:
    with pytest.raises(CheckFailed, match="was ended by signal 9"):
        sh(stage, "kill -9 $$")


def test_a_program_that_does_not_exist_is_reported_as_missing(stage: Stage) -> None:
    with pytest.raises(ProgramMissing):
        stage.apply(command, argv=["no-such-program"])


@pytest.mark.parametrize(
    "params, what",
    [
        ({}, "no command is given"),
        ({"argv": ["a"], "cmd": "b"}, "given once, not by argv and cmd"),
        ({"argv": []}, "is empty"),
        ({"cmd": ""}, "is empty"),
        ({"cmd": "echo 'a"}, "no closing quotation"),
        ({"argv": ["a\0"]}, "NUL"),
        ({"argv": ["true"], "env": {"a=b": "c"}}, "cannot be set in the environment"),
        ({"argv": ["true"], "env": {"": "c"}}, "cannot be set in the environment"),
        ({"argv": ["true"], "env": {"a": "c\0"}}, "NUL"),
        ({"argv": [""]}, "program is empty"),
    ],
)
def test_an_invalid_command_is_a_usage_error(stage: Stage, params: dict[str, Any], what: str) -> None:
    with pytest.raises(UsageError, match=what):
        stage.apply(command, **params)


def test_check_mode_does_not_predict_a_command(stage: Stage) -> None:
    found = command(stage.context().read_only(), cmd="true")
    assert isinstance(found, Change)
    assert (found.summary, bool(found.unpredicted)) == ("run true", True)


def test_an_interrupted_command_is_ended_with_its_children(stage: Stage, tmp_path: Path) -> None:
    code = f"import subprocess, sys, time; subprocess.Popen(['sleep', '{SECONDS}']); time.sleep(60)"
    began = time.monotonic()
    with pytest.raises(Unreachable), deadline(0.5):
        stage.apply(command, argv=[sys.executable, "-c", code])
    assert wait(lambda: not sleeping(SECONDS))
    assert time.monotonic() - began < 50
