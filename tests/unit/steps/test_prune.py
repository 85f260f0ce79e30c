from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from flowgate.steps.prune import prune
from tests.unit.steps.conftest import EMBEDDED

if TYPE_CHECKING:
    from pathlib import Path

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
