"""A port that another FlowGate uses: it is recognised, named with its config, and nobody is told to kill it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import Workspace


@pytest.fixture
def colleague(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A second gateway that serves on the port of the first one's LiteLLM."""
    with Workspace(tmp_path_factory.mktemp("g"), litellm_port=workspace.litellm_port).write() as other:
        other.inv("up")
        yield other


@pytest.mark.parametrize("command, code", [("up", 3), ("doctor", 1)])
def test_it_is_named_with_its_config(workspace: Workspace, colleague: Workspace, command: str, code: int) -> None:
    done = workspace.inv(command, code=code)
    text = " ".join((done.stdout + done.stderr).split())
    assert f"is in use by another FlowGate, that of {colleague.config}" in text
    assert f"flowgate --config {colleague.config} down" in text
    assert "kill " not in text


def test_the_fix_works(workspace: Workspace, colleague: Workspace) -> None:
    colleague.inv("down")
    workspace.inv("up")
    assert workspace.json("health")["ok"]
    workspace.inv("down")
