from __future__ import annotations

import os
from typing import TYPE_CHECKING

from flowgate.steps.prune import prune

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
