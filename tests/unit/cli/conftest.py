"""A desk over stand-ins: a config of its own in force, and a keeper whose services are plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from flowgate.cli.session import Session, open_session
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import Workspace
from tests.unit.steps.conftest import FakeSupervisor


@pytest.fixture
def place(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A ground whose config is the one in use, also inside this process."""
    workspace.runtime.mkdir(parents=True)
    monkeypatch.setenv("FLOWGATE_CONFIG", str(workspace.config))
    return workspace


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def session(place: Workspace, supervisor: FakeSupervisor) -> Session:
    """The office of that config, with the keeper that keeps nothing."""
    return replace(open_session(quiet=True), kept=cast("SupervisorClient", supervisor))
