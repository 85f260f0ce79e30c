from __future__ import annotations

import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.errors import ProgramMissing, UsageError
from flowgate.gateway import litellm_environments
from flowgate.gateway.litellm_environments import EnvironmentRecord
from flowgate.step import Result
from flowgate.steps.download import download
from flowgate.system import python_environment
from flowgate.system.bytecode import State
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import fake_program

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def test_the_runners_are_written_executable_and_private(stage: Stage) -> None:
    status, facts = stage.apply(download)
    assert (status, facts["upstream"]) == ("changed", "embedded")
    for name in ("litellm", "embedded-upstream"):
        assert stat.S_IMODE((stage.runtime / "bin" / name).stat().st_mode) == 0o700


def test_a_second_run_changes_nothing(stage: Stage) -> None:
    stage.apply(download)
    assert stage.apply(download)[0] == "unchanged"


@pytest.mark.parametrize("damage", ["text", "mode", "gone"])
def test_a_damaged_runner_is_rewritten(stage: Stage, damage: str) -> None:
    stage.apply(download)
    runner = stage.runtime / "bin" / "litellm"
    good = runner.read_text()
    if damage == "text":
        runner.write_text("x")
    elif damage == "mode":
        runner.chmod(0o600)
    else:
        runner.unlink()
    assert stage.apply(download)[1]["written"] == [str(runner)]
    assert (runner.read_text(), stat.S_IMODE(runner.stat().st_mode)) == (good, 0o700)


def test_a_program_of_the_user_is_not_modified(stage: Stage) -> None:
    program = fake_program(stage.folder / "own" / "proxy")
    stage.configure(program="own/proxy")
    assert stage.apply(download)[1]["upstream"] == str(program)
    assert not (stage.runtime / "bin" / "embedded-upstream").exists()


def test_a_missing_program_is_named_with_its_place_before_anything_is_written(stage: Stage) -> None:
    stage.configure(program="own/proxy")
    with pytest.raises(ProgramMissing, match="own/proxy, is missing") as refused:
        stage.apply(download)
    assert refused.value.place.startswith(str(stage.folder / "flowgate.yaml:"))
    assert not stage.runtime.exists()


@pytest.mark.parametrize(
    "args",
    [
        ["-config=none.yaml"],
        ["--config", "none.yaml"],
        ["-config=."],
        ["-config="],
        ["-conf=x"],
        ["-codex-login"],
        ["--password=x"],
        ["-tui"],
    ],
)
def test_a_command_line_that_cannot_be_used_is_refused_before_anything_is_written(
    stage: Stage, args: list[str]
) -> None:
    stage.configure(cliproxyapi_plus={"args": (".router/runtime/bin/CLIProxyAPIPlus", *args)})
    with pytest.raises(UsageError) as refused:
        stage.apply(download)
    assert refused.value.place.startswith(str(stage.folder / "flowgate.yaml:"))
    assert not stage.runtime.exists()


def test_a_variable_that_is_not_set_is_refused_before_anything_is_written(stage: Stage) -> None:
    stage.configure(key="os.environ/NOBODY_SET_ME")
    with pytest.raises(UsageError, match="NOBODY_SET_ME is not set"):
        stage.apply(download, profile="balanced")
    assert not stage.runtime.exists()
    assert stage.apply(download)[0] == "changed"  # whoever only fetches the programs needs no keys yet


def test_a_variable_that_the_run_generates_is_not_missing(stage: Stage) -> None:
    assert stage.apply(download, profile="balanced")[0] == "changed"


def test_an_environment_that_cannot_be_compiled_is_said(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.apply(download)
    monkeypatch.setattr(type(stage.context()), "compiled", lambda _: State(is_pending=False, slow_at=Path("/site")))
    found = download(stage.context().read_only())
    assert isinstance(found, Result)
    assert "/site cannot be written, so nothing is compiled and LiteLLM starts slower" in found.message


def test_a_flag_that_only_other_versions_have_does_not_stop_an_installation(stage: Stage) -> None:
    program = fake_program(stage.folder / "own" / "CLIProxyAPIPlus")
    stage.configure(cliproxyapi_plus={"args": (str(program), "-local-model")})
    assert stage.apply(download)[1]["upstream"] == str(program)


def test_the_environment_in_force_gets_its_runner_and_the_code_of_this_flowgate(stage: Stage) -> None:
    stage.prepared()
    folder = fake_environment.build(stage.config, "9.9.9").python.parent.parent
    record = litellm_environments.record_path(stage.config)
    record.write_text(litellm_environments.dump(EnvironmentRecord("9.9.9")))
    (folder / "own" / "flowgate").unlink()
    (folder / "own" / "flowgate").symlink_to("/an/earlier/flowgate")
    assert stage.apply(download)[0] == "changed"
    assert python_environment.has_own_package(folder)
    assert (folder / "run-litellm").stat().st_mode & 0o777 == 0o700
    assert stage.apply(download)[0] == "unchanged"
