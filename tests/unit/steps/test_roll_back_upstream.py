from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowgate.errors import NotReady, ProgramMissing
from flowgate.steps.install_upstream import install_upstream
from flowgate.steps.roll_back_upstream import roll_back_upstream
from tests.unit.bootstrap.releases import program, release

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def install(stage: Stage, version: str) -> Path:
    file = stage.folder / f"{version}.tar.gz"
    file.write_bytes(release(program(version)))
    return Path(stage.apply(install_upstream, from_file=str(file), allow_unverified=True)[1]["program"])


def test_a_rollback_restores_the_previous_version_and_a_second_one_undoes_it(stage: Stage) -> None:
    install(stage, "6.0.0")
    place = install(stage, "6.1.0")
    assert stage.apply(roll_back_upstream)[1]["version"] == "6.0.0"
    assert place.read_bytes() == program("6.0.0")
    assert stage.apply(roll_back_upstream)[1]["version"] == "6.1.0"
    assert place.read_bytes() == program("6.1.0")


def test_a_rollback_without_a_previous_version_is_an_error(stage: Stage) -> None:
    install(stage, "6.0.0")
    before = stage.tree()
    with pytest.raises(ProgramMissing, match="no previous CLIProxyAPIPlus") as caught:
        stage.apply(roll_back_upstream)
    assert "inv bootstrap.download" in caught.value.fix
    assert stage.tree() == before


def test_a_previous_version_that_does_not_run_is_not_restored(stage: Stage) -> None:
    install(stage, "6.0.0")
    place = install(stage, "6.1.0")
    place.with_name("CLIProxyAPIPlus.previous").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(NotReady, match="exit code 1"):
        stage.apply(roll_back_upstream)
    assert place.read_bytes() == program("6.1.0")
