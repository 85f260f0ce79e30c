"""Installing local files; downloads are tested in `tests/unit/bootstrap`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.errors import EnvironmentFailure, InvalidValue, UsageError
from flowgate.steps.install_upstream import install_upstream
from tests.unit.bootstrap.releases import program, release

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def own(stage: Stage, data: bytes | None = None) -> dict[str, Any]:
    file = stage.folder / "own.tar.gz"
    file.write_bytes(release() if data is None else data)
    return {"from_file": str(file), "offline": True, "allow_unverified": True}


def test_the_first_run_installs_and_the_second_changes_nothing(stage: Stage) -> None:
    status, facts = stage.apply(install_upstream, **own(stage))
    assert (status, facts["version"], facts["level"]) == ("changed", "6.8.16-0-plus", "none")
    assert Path(facts["program"]).read_bytes() == program()
    assert stage.apply(install_upstream, **own(stage))[0] == "unchanged"


def test_the_installation_is_recorded(stage: Stage) -> None:
    facts = stage.apply(install_upstream, **own(stage))[1]
    lock = json.loads((stage.runtime / "bin" / "CLIProxyAPIPlus.lock").read_text())
    assert (lock["archive_sha256"], lock["source"]) == (facts["sha256"], str(stage.folder / "own.tar.gz"))


def test_a_changed_program_is_detected_and_replaced(stage: Stage) -> None:
    facts = stage.apply(install_upstream, **own(stage))[1]
    Path(facts["program"]).write_text("changed")
    assert stage.apply(install_upstream, **own(stage))[0] == "changed"
    assert Path(facts["program"]).read_bytes() == program()


def test_a_file_without_a_known_checksum_needs_allow_unverified(stage: Stage) -> None:
    with pytest.raises(EnvironmentFailure, match="cannot be verified"):
        stage.apply(install_upstream, **own(stage) | {"allow_unverified": False})
    assert not (stage.runtime / "bin" / "CLIProxyAPIPlus").exists()


@pytest.mark.parametrize(
    "params, kind",
    [
        ({"repo": "nobody"}, InvalidValue),
        ({"from_file": "/nowhere"}, UsageError),
        ({"offline": True}, EnvironmentFailure),
    ],
)
def test_invalid_parameters_are_refused_while_looking(
    stage: Stage, params: dict[str, Any], kind: type[Exception]
) -> None:
    before = stage.tree()
    with pytest.raises(kind):
        install_upstream(stage.context().read_only(), **params)
    assert stage.tree() == before
