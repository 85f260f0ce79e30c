from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.gateway import litellm_environments
from flowgate.gateway.litellm_environments import EnvironmentRecord
from flowgate.steps.prune import prune
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import EMBEDDED

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def rendered(stage: Stage, *names: str) -> list[Path]:
    """Write rendered files, the oldest first."""
    paths = [stage.runtime / f"litellm-{name}.yaml" for name in names]
    for age, path in enumerate(paths):
        path.write_text("x")
        os.utime(path, (age, age))
    return paths


def written_request(stage: Stage, own: str = "") -> Path:
    """Write the log of a failed request beside the program's own log; `own` is the user's CLIProxyAPIPlus config."""
    if own:
        (stage.folder / "own.yaml").write_text(own)
        stage.configure(cliproxyapi_plus={"args": (EMBEDDED, "--config=own.yaml")})
    folder = stage.prepared().runtime / "work/cliproxyapi_plus/logs"
    folder.mkdir(parents=True)
    for name in ("main.log", "error-v1-chat-completions-1.log"):
        (folder / name).write_text("secret prompt")
    return folder / name


def test_the_newest_unused_files_stay(stage: Stage) -> None:
    old, older, *new = rendered(stage.prepared(), *"abcde")
    assert stage.apply(prune)[1]["deleted"] == [str(older), str(old)]
    assert all(path.exists() for path in new)


def test_files_that_a_generation_uses_are_kept(stage: Stage) -> None:
    paths = rendered(stage.prepared(), *"abc")
    stage.supervisor.run("litellm", labels={"document": "a"})
    stage.apply(prune, keep=0)
    assert [path.exists() for path in paths] == [True, False, False]


def test_the_current_file_is_kept_and_a_second_run_changes_nothing(stage: Stage) -> None:
    before = stage.prepared().tree()
    assert stage.apply(prune, keep=0)[0] == "unchanged"
    assert stage.tree() == before


def test_written_requests_are_deleted(stage: Stage) -> None:
    log = written_request(stage)
    assert stage.apply(prune)[1]["deleted"] == [str(log)]
    assert not log.exists()
    assert (log.parent / "main.log").exists()


@pytest.mark.parametrize("text", ["request-log: true", "commercial-mode: false"])
def test_requests_that_the_user_wants_are_kept(stage: Stage, text: str) -> None:
    log = written_request(stage, text)
    stage.apply(prune)
    assert log.exists()


@pytest.mark.parametrize("text", ["commercial-mode: true", "request-log: false", "error-logs-max-files: 0"])
def test_requests_that_nobody_asked_for_are_deleted(stage: Stage, text: str) -> None:
    log = written_request(stage, text)
    stage.apply(prune)
    assert not log.exists()


# --- environments of LiteLLM


def with_record(stage: Stage, **record: str) -> Stage:
    for version in ("1.0.1", "1.0.2", "1.0.3", "1.0.4", "1.0.5"):
        fake_environment.build(stage.config, version)
    path = litellm_environments.record_path(stage.config)
    path.write_text(litellm_environments.dump(EnvironmentRecord(**record)))
    return stage


def left(stage: Stage) -> set[str]:
    return {path.name for path in litellm_environments.folder(stage.config).iterdir() if path.is_dir()}


def test_environments_that_nothing_uses_are_deleted(stage: Stage) -> None:
    with_record(stage.prepared(), in_force="1.0.1", previous="1.0.2", pending="1.0.3", prepared="1.0.4")
    _, facts = stage.apply(prune)
    assert left(stage) == {"1.0.1", "1.0.2", "1.0.3", "1.0.4"}
    assert [Path(one).name for one in facts["deleted"]] == ["1.0.5"]
    assert stage.apply(prune)[0] == "unchanged"


@pytest.mark.parametrize("phase", ["starting", "ready", "serving", "draining", "stopping", "orphaned"])
def test_an_environment_in_which_a_generation_lives_is_kept(stage: Stage, phase: str) -> None:
    with_record(stage.prepared(), in_force="1.0.1", previous="1.0.2")
    stage.supervisor.run("litellm", phase, labels={litellm_environments.LABEL: "1.0.5"})
    stage.apply(prune)
    assert left(stage) == {"1.0.1", "1.0.2", "1.0.5"}


def test_looking_deletes_no_environment(stage: Stage) -> None:
    with_record(stage.prepared(), in_force="1.0.1")
    before = stage.tree()
    prune(stage.context().read_only())
    assert stage.tree() == before


def test_folders_that_are_no_environments_are_left_alone(stage: Stage) -> None:
    with_record(stage.prepared(), in_force="1.0.1")
    folder = litellm_environments.folder(stage.config)
    (folder / "locks").mkdir()
    (folder / "1.0.9").mkdir()  # it is being built
    stage.apply(prune)
    assert left(stage) == {"1.0.1", "locks", "1.0.9"}
