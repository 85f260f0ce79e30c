"""The copy of the config that serves: kept by what puts it into force, forgotten once nothing runs."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from flowgate.cli import kept_config
from flowgate.cli.session import Session, open_session
from flowgate.domain import Outcome, Report
from flowgate.supervisor import config_record
from tests.conftest import Workspace
from tests.unit.steps.conftest import FakeSupervisor


def report(*steps: str, status: str = "changed", code: int = 0) -> Report:
    return Report("play", tuple(Outcome(one, one, status, "", 0.0, "") for one in steps), None, code, 0.0)


@pytest.fixture
def serving(session: Session, supervisor: FakeSupervisor) -> Session:
    supervisor.services["litellm"] = [{"number": 1, "phase": "serving", "labels": {}}]
    return session


def kept(session: Session) -> dict[str, str]:
    return config_record.load_in_force(session.config.paths.runtime_dir)


@pytest.mark.parametrize("steps", [("promote",), ("render", "start", "promote", "prune"), ("start",)])
@pytest.mark.parametrize("status", ["changed", "unchanged"])
def test_what_puts_a_config_into_force_keeps_it(serving: Session, steps: tuple[str, ...], status: str) -> None:
    kept_config.update(serving, report(*steps, status=status))
    assert kept(serving) == {str(serving.config.file): serving.config.file.read_text()}


def test_the_copy_is_private(serving: Session) -> None:
    kept_config.update(serving, report("promote"))
    path = serving.config.paths.runtime_dir / "run" / config_record.IN_FORCE
    assert (stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)) == (0o600, 0o700)


@pytest.mark.parametrize(
    "run",
    [report("promote", code=1), report("promote", status="skipped"), report("login"), report("render"), report("stop")],
    ids=["failed", "skipped", "login", "rendered only", "another service stopped"],
)
def test_what_puts_nothing_into_force_keeps_the_copy_as_it_is(serving: Session, run: Report) -> None:
    config_record.save_in_force(serving.config.paths.runtime_dir, {"before": "text"})
    kept_config.update(serving, run)
    assert kept(serving) == {"before": "text"}


def test_a_start_beside_a_litellm_that_serves_another_config_keeps_that_one(serving: Session) -> None:
    config_record.save_in_force(serving.config.paths.runtime_dir, {"before": "text"})
    kept_config.update(serving, report("start"))
    assert kept(serving) == {"before": "text"}


@pytest.mark.parametrize("steps", [("stop",), ("start", "smoke", "stop"), ("promote",)])
def test_nothing_is_kept_once_nothing_runs(session: Session, steps: tuple[str, ...]) -> None:
    config_record.save_in_force(session.config.paths.runtime_dir, {"before": "text"})
    kept_config.update(session, report(*steps))
    assert kept(session) == {}


def test_a_disk_that_takes_no_copy_is_a_warning(serving: Session, capsys: pytest.CaptureFixture[str]) -> None:
    (serving.config.paths.runtime_dir / "run").write_text("a file stands in its place")
    kept_config.update(serving, report("promote"))
    assert "warning: no copy of the config is kept" in capsys.readouterr().err


def test_the_config_in_force_is_read_without_its_files(serving: Session) -> None:
    kept_config.update(serving, report("promote"))
    serving.config.file.unlink()
    found = kept_config.in_force(serving.config.paths.runtime_dir)
    assert found is not None
    assert (found.config.profiles, found.named.by) == (serving.config.profiles, "kept")
    assert "(as it serves" in found.describe()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"unknown": 1}', "not json", "{", '{"/f.yaml": "profiles: 1"}'])
def test_a_damaged_copy_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / config_record.IN_FORCE).write_text(text)
    assert kept_config.in_force(tmp_path) is None


def test_included_files_are_kept_too(place: Workspace) -> None:
    (place.folder / "models.yaml").write_text("general_settings: {}\n")
    place.edit_config(("litellm_base:\n", "litellm_base:\n  include: [models.yaml]\n"))
    assert [Path(one).name for one in open_session(quiet=True).texts] == ["flowgate.yaml", "models.yaml"]
