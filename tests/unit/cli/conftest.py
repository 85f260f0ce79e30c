"""Sessions over a config in a temporary folder and a fake supervisor."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from flowgate.cli import console
from flowgate.cli.session import Session, open_session
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import Workspace
from tests.unit.cli.sessions import SessionFactory
from tests.unit.steps.conftest import FakeSupervisor


@pytest.fixture(autouse=True)
def _plain_output() -> Iterator[None]:
    """Ignore the terminal's width, and forget the secrets of a test, which would hide words of the next one."""
    os.environ.pop("COLUMNS", None)
    yield
    console.set_mask(str)


@pytest.fixture
def place(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose config is in use, also in this process."""
    workspace.runtime.mkdir(parents=True)
    monkeypatch.setenv("FLOWGATE_CONFIG", str(workspace.config))
    return workspace


@pytest.fixture
def supervisor() -> FakeSupervisor:
    return FakeSupervisor()


@pytest.fixture
def session(place: Workspace, supervisor: FakeSupervisor) -> Session:
    """A session of that config with a fake supervisor."""
    return replace(open_session(quiet=True), kept=cast("SupervisorClient", supervisor))


@pytest.fixture
def new_session(tmp_path_factory: pytest.TempPathFactory) -> SessionFactory:
    return SessionFactory(tmp_path_factory.mktemp("o"))
