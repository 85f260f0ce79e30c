from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flowgate.cli import columns, status
from flowgate.cli.exposed_secrets import exposed_secrets
from flowgate.cli.generation_reports import describe_generation
from flowgate.system import installed

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from tests.conftest import Workspace
    from tests.unit.steps.conftest import FakeSupervisor

Captured = pytest.CaptureFixture[str]


def test_without_a_supervisor_all_is_stopped_and_the_profile_is_the_default(session: Session) -> None:
    tree = status.collect_status(session)
    assert {name: one["state"] for name, one in tree["services"].items()} == {
        "litellm": "stopped",
        "cliproxyapi_plus": "stopped",
    }
    assert tree["profile"] == {"name": "balanced", "by": "default"}


def test_the_serving_generation_names_the_active_profile(session: Session, supervisor: FakeSupervisor) -> None:
    session.config.paths.state_file.write_text('{"current_profile": "cost", "updated_at": "2026-01-01T00:00:00Z"}')
    assert (status.collect_status(session)["profile"], status.collect_status(session)["since"]) == (
        {"name": "cost", "by": "state"},
        "2026-01-01T00:00:00Z",
    )
    supervisor.run("litellm", labels={"profile": "reliability"})
    tree = status.collect_status(session)
    assert (tree["profile"], tree["since"]) == ({"name": "reliability", "by": "serving"}, "")


def test_the_serving_generation_is_shown_before_its_candidate(session: Session, supervisor: FakeSupervisor) -> None:
    supervisor.run("litellm", pid=11).run("litellm", "starting", pid=12)
    litellm = status.collect_status(session)["services"]["litellm"]
    assert (litellm["pid"], litellm["generation"], len(litellm["generations"])) == (11, 1, 2)


def test_generations_are_described(session: Session, supervisor: FakeSupervisor, capsys: Captured) -> None:
    about = {"under_way": 1, "open_connections": 2, "labels": {"profile": "cost", "by": "switch-profile"}}
    supervisor.run("litellm", "draining", pid=11, seconds=61.0, **about).run("litellm", pid=12, seconds=1.0)
    shown = [
        describe_generation("litellm", one)
        for one in status.collect_status(session)["services"]["litellm"]["generations"]
    ]
    assert shown[0] == (
        "litellm generation 1 cost: draining, started 61 s ago by switch-profile, open connections: 2, "
        "requests in progress: 1"
    )
    assert shown[1] == "litellm generation 2: serving, started 1 s ago"


def test_a_crashed_service_shows_why(session: Session, supervisor: FakeSupervisor) -> None:
    supervisor.failures["litellm"] = "killed by SIGKILL"
    assert status.collect_status(session)["services"]["litellm"]["failure"] == "killed by SIGKILL"


def test_processes_of_a_killed_supervisor_count_as_running(session: Session, supervisor: FakeSupervisor) -> None:
    supervisor.run("litellm", "orphaned", pid=11)
    assert status.collect_status(session)["services"]["litellm"]["running"] is True


def test_secrets_that_others_can_read_are_listed_with_the_mode_they_need(session: Session, place: Workspace) -> None:
    folder = place.folder / ".router" / "secrets"
    folder.mkdir(mode=0o755)
    (folder / "litellm-master-key").write_text("sk-x")
    (folder / "litellm-master-key").chmod(0o644)
    found = [(one["path"], one["mode"], one["wanted"]) for one in exposed_secrets(session)]
    assert found == [(str(folder), "755", "700"), (str(folder / "litellm-master-key"), "644", "600")]


def test_status_prints_one_row_for_each_service(place: Workspace, capsys: Captured) -> None:
    assert status.status("", False) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("profile  balanced (default)")
    assert lines[1].startswith(f"LiteLLM  {installed.version('litellm')} (in force)")
    assert [line.split()[0] for line in lines[2:]] == ["service", "litellm", "cliproxyapi_plus"]


def test_status_as_json_is_one_document(place: Workspace, capsys: Captured) -> None:
    status.status("", True)
    assert json.loads(capsys.readouterr().out).keys() == {
        *(
            "version",
            "config",
            "embedded",
            "profile",
            "since",
            "supervisor",
            "litellm",
            "ledger",
            "budgets",
            "disk",
            "quotas",
            "usage_source",
            "services",
        ),
        *("lost", "secrets", "clients", "remote", "redis", "config_refused"),
    }


@pytest.mark.parametrize(
    "seconds, message", [(None, "-"), (0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h 0 min")]
)
def test_a_duration_has_a_fitting_unit(seconds: float | None, message: str) -> None:
    assert columns.duration(seconds) == message
