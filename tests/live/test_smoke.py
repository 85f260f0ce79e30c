"""The smoke with the real LiteLLM, and a LiteLLM that rejects its config."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import REAL_LITELLM, REAL_UPSTREAM

if TYPE_CHECKING:
    from tests.conftest import Workspace

pytestmark = pytest.mark.live


def test_the_smoke_passes_and_leaves_nothing_running(workspace: Workspace) -> None:
    done = workspace.write(litellm=REAL_LITELLM, upstream=REAL_UPSTREAM).inv("smoke", "--profile", "reliability")
    assert done.stdout.startswith("PASS  reliability over FlowGate's embedded upstream (not a provider)")
    steps = ["Download", "Render reliability", "Start", "Wait healthy", "Smoke", "Stop"]
    assert [line[2:27].strip() for line in done.stderr.splitlines() if line[:2] in ("= ", "~ ")] == steps
    assert [line[2:17].strip() for line in done.stderr.splitlines() if line.startswith("  ")] == [
        *("models", "chat", "stream", "messages", "responses", "chat tool", "messages tool", "responses tool")
    ]
    assert workspace.nothing_runs()
    assert not (workspace.runtime / "state.json").exists()


def test_a_config_that_litellm_rejects_is_reported_with_its_reason_and_a_fix(workspace: Workspace) -> None:
    workspace.write(litellm=REAL_LITELLM, upstream=REAL_UPSTREAM)
    workspace.edit_config(("profiles:\n", "  general_settings: {master_key: sk-1234}\nprofiles:\n"))
    done = workspace.inv("smoke", code=3)
    assert "litellm did not start" in done.stderr
    assert "last log lines:" in done.stderr
    assert "master key" in done.stderr.lower()
    assert "fix: " in done.stderr
    assert done.stdout.startswith("FAIL")
    assert workspace.nothing_runs()
