"""A process of another FlowGate is recognised, and named with its config."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Program
from flowgate.supervisor import neighbours
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import sockets
from tests.unit.supervisor.test_handover import hand_over

ELSEWHERE = Path("/nowhere/.router/runtime")
Make = Callable[..., Program]


@pytest.fixture
def owner(supervisor: SupervisorClient, program: Make) -> int:
    """Return the process of a supervisor's program that listens on its port."""
    one = program()
    hand_over(supervisor, one)
    found = sockets.owner("127.0.0.1", one.port)
    assert found is not None
    assert found[0] is not None
    return found[0]


@pytest.mark.parametrize("file", ["/home/me/flowgate.yaml", "/home/m e/own'.yaml"])
def test_it_is_named_with_the_config_of_its_newest_file(owner: int, runtime: Path, file: str) -> None:
    head = f"# Written by FlowGate for profile 'calm' of {file}. Change that file, not this one.\n"
    (runtime / "litellm-abc.yaml").write_text(head)
    found = neighbours.of_process(owner, "litellm", ELSEWHERE)
    assert found is not None
    assert found.what == f"another FlowGate, of {file}"
    assert found.fix.startswith("FLOWGATE_CONFIG=")
    assert found.fix.endswith(" inv down, or set services.litellm.port to a free port")


@pytest.mark.parametrize("head", ["", "model_list: []", "# Written by FlowGate for profile x"])
def test_without_a_readable_config_it_is_named_by_its_folder(owner: int, runtime: Path, head: str) -> None:
    (runtime / "litellm-abc.yaml").write_text(head)
    found = neighbours.of_process(owner, "litellm", ELSEWHERE)
    assert found == (
        f"another FlowGate, with the runtime folder {runtime}",
        "set services.litellm.port to a free port",
    )


def test_the_supervisor_itself_is_recognised(supervisor: SupervisorClient, owner: int) -> None:
    assert neighbours.of_process(supervisor.status()["supervisor"], "litellm", ELSEWHERE) is not None


def test_processes_of_this_flowgate_and_of_others_are_no_neighbours(owner: int, runtime: Path) -> None:
    assert neighbours.of_process(owner, "litellm", runtime) is None
    assert neighbours.of_process(os.getpid(), "litellm", ELSEWHERE) is None
    assert neighbours.of_process(None, "litellm", ELSEWHERE) is None
