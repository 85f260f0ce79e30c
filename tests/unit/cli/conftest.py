"""A desk over stand-ins: a config of its own in force, and a keeper whose services are plain data."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import pytest

from flowgate.cli.session import Office, enter
from flowgate.supervisor.client import Keeper
from tests.conftest import Ground
from tests.unit.steps.conftest import FakeKeeper


@pytest.fixture
def place(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> Ground:
    """A ground whose config is the one in use, also inside this process."""
    ground.runtime.mkdir(parents=True)
    monkeypatch.setenv("FLOWGATE_CONFIG", str(ground.config))
    return ground


@pytest.fixture
def keeper() -> FakeKeeper:
    return FakeKeeper()


@pytest.fixture
def office(place: Ground, keeper: FakeKeeper) -> Office:
    """The office of that config, with the keeper that keeps nothing."""
    return replace(enter(quiet=True), kept=cast("Keeper", keeper))
