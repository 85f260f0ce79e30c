"""Real programs and SDKs ask the gateway: one answer, one stream, one tool call each."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Clients, first_run
from tests.clients.ways import LIBRARY_TOOL, PATHS, Client

pytestmark = [pytest.mark.live, pytest.mark.clients]


def test_it_prints_the_answer_and_speaks_the_api_that_is_documented(clients: Clients, client: Client) -> None:
    run = first_run(clients, client, "ask")
    assert run.code == 0, run.output
    assert "embedded upstream answering" in run.output
    assert any(PATHS[client.protocol] in path for path in run.paths), run.paths
    assert run.errors == ()
    clients.row(client).answered = "yes"


def test_it_streams(clients: Clients, client: Client) -> None:
    run = first_run(clients, client, "stream" if client.is_library else "ask")
    assert run.streamed
    assert not client.is_library or run.found["chunks"] > 1
    clients.row(client).streamed = "yes"


def test_a_tool_is_called_and_its_result_answered(clients: Clients, client: Client) -> None:
    if not client.calls:
        clients.row(client).tool = "has none"
        pytest.skip("it has no tools")
    run = clients.run(client, "tool", f"Please {client.calls}")
    assert run.code == 0, run.output
    assert run.found["called"] == LIBRARY_TOOL if client.is_library else run.made, run.output
    assert run.errors == ()
    clients.row(client).tool = "yes"
