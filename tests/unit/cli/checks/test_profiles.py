"""Doctor's checks of the profiles."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import pytest

from flowgate.cli.checks import profiles
from flowgate.cli.session import Session
from flowgate.supervisor.client import SupervisorClient
from tests.conftest import free_port
from tests.unit.cli.sessions import SessionFactory
from tests.unit.steps.conftest import FakeSupervisor, serving


@contextmanager
def listing(*models: str, status: int = 200) -> Iterator[int]:
    """Serve a list of models; yield the port."""
    text = json.dumps({"data": [{"id": one} for one in models]})
    port = free_port()
    with serving(lambda path: (status, text), port):
        yield port


def over(session: Session, port: int) -> Session:
    supervisor = FakeSupervisor().run("cliproxyapi_plus", port=port)
    environment = {**session.environment, "UPSTREAM_API_KEY": "sk-here"}
    return replace(session, kept=cast("SupervisorClient", supervisor), environment=environment)


def test_a_fallback_that_names_no_model_fails_at_its_line(new_session: SessionFactory) -> None:
    one = new_session(("balanced: {}", "balanced: {router_settings: {default_fallbacks: [gone]}}"))
    [found] = profiles.profiles(one)
    assert (found.status, "'gone'" in found.message, found.fix != "") == ("fail", True, True)


def test_a_warning_names_its_profile(new_session: SessionFactory) -> None:
    found = list(profiles.profiles(new_session()))
    assert [one.message.partition(":")[0] for one in found] == ["balanced"]
    assert found[0].status == "warn"  # the config shows CLIProxyAPIPlus a key of another name


def test_a_model_that_cliproxyapiplus_does_not_serve_is_a_warning(new_session: SessionFactory) -> None:
    with listing("b") as port:
        found = list(profiles.profiles(over(new_session(("FIRST_KEY", "UPSTREAM_API_KEY")), port)))
    assert [one.message for one in found] == ["balanced: CLIProxyAPIPlus serves no model a; log in to its provider"]


@pytest.mark.parametrize("status", [200, 500])
def test_a_complete_or_unavailable_list_is_no_warning(new_session: SessionFactory, status: int) -> None:
    with listing("a", status=status) as port:
        [found] = profiles.profiles(over(new_session(("FIRST_KEY", "UPSTREAM_API_KEY")), port))
    assert (found.status, found.message.startswith("balanced: LiteLLM applies cooldowns")) == ("pass", True)
