"""Which other gateway a command names that finds nothing running."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from flowgate.cli import reach
from flowgate.cli.session import Session
from flowgate.supervisor import stacks
from flowgate.supervisor.stacks import Stack, StackService
from tests.unit.cli.sessions import SessionFactory

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def stack(config: Path, age: int = 0, runtime: str = "/nowhere/runtime") -> Stack:
    config.parent.mkdir(parents=True, exist_ok=True)
    config.touch()
    service = StackService("litellm", "serving", "127.0.0.1", 4001, 2, 77)
    return Stack(Path(runtime), 7, True, NOW - timedelta(seconds=age), str(config), "cost", (service,))


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return SessionFactory(tmp_path)()


def named(monkeypatch: pytest.MonkeyPatch, session: Session, *found: Stack, words: str = "status") -> list[str]:
    monkeypatch.setattr(stacks, "running", lambda **_: list(found))
    return reach.lines(session, words)


def test_the_newest_are_named_each_with_a_command(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = [stack(tmp_path / f"{number}.yaml", age=9 - number) for number in range(5)]
    lines = named(monkeypatch, session, *found)
    assert len(lines) == 2 * reach.MAX_NAMED
    expected = f"note: another FlowGate of yours runs: that of {tmp_path / '4.yaml'}, profile cost"
    assert lines[0] == f"{expected}, at http://127.0.0.1:4001"
    assert lines[1] == f"  fix: FLOWGATE_CONFIG={tmp_path / '4.yaml'} inv status"


def test_each_program_has_its_spelling(session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.argv", ["flowgate"])
    lines = named(monkeypatch, session, stack(tmp_path / "a b.yaml"), words="service.logs litellm")
    assert lines[1] == f"  fix: flowgate --config '{tmp_path / 'a b.yaml'}' service logs litellm"


def test_its_own_gateway_and_rehearsals_are_left_out(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    own = stack(tmp_path / "a.yaml", runtime=str(session.config.paths.runtime_dir))
    rehearsal = stack(tmp_path / "b.yaml", runtime="/tmp/flowgate-rehearsal-1-x/runtime")
    assert named(monkeypatch, session, own, rehearsal) == []
    assert reach.fix(session, "…") == "inv up"


def test_the_embedded_default_of_another_checkout_is_reached_from_its_folder(tmp_path: Path) -> None:
    found = stack(tmp_path / "config" / "examples" / "embedded.yaml")
    assert reach.command_for(found) == ""
    (tmp_path / "tasks.py").touch()
    assert reach.command_for(found) == f"cd {tmp_path} && inv"


def test_a_gateway_of_an_unknown_config_is_named_by_its_folder(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = StackService("litellm", "serving", "127.0.0.1", 4001, 2, 77)
    found = Stack(Path("/a/runtime"), 7, True, NOW, "", "", (service,))
    assert named(monkeypatch, session, found) == [
        "note: another FlowGate of yours runs: that of /a/runtime, at http://127.0.0.1:4001"
    ]
