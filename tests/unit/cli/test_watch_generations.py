from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from flowgate.cli.watch_generations import watch_generations
from tests.unit.steps.conftest import FakeSupervisor

if TYPE_CHECKING:
    import pytest

    from flowgate.cli.session import Session
    from flowgate.supervisor.client import SupervisorClient


@dataclass
class DrainingSupervisor(FakeSupervisor):
    """Its older generation of LiteLLM ends after it was listed twice."""

    listed: int = 0

    def status(self) -> dict[str, Any]:
        self.listed += 1
        if self.listed == 3:
            del self.services["litellm"][0]
        return super().status()


def test_each_change_is_printed_until_one_generation_is_left(
    session: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    supervisor = DrainingSupervisor()
    supervisor.run("litellm", "draining").run("litellm", "serving")
    watch_generations(replace(session, kept=cast("SupervisorClient", supervisor)))
    assert [line.count("litellm generation") for line in capsys.readouterr().err.splitlines()] == [2, 1]
