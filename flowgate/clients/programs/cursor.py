"""Cursor, an editor whose requests come from its maker's servers."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Fact, Machine, OwnedFile


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return nothing: Cursor keeps the address in its own database."""
    return ()


def by_hand(machine: Machine, endpoint: Endpoint) -> tuple[str, ...]:
    """Say what would be entered, were the gateway reachable from Cursor's servers."""
    return (
        "Settings → Models → OpenAI API Key: the client's key",
        "Override OpenAI Base URL: a public https address that leads to this gateway, with /v1",
        f"Add model: {endpoint.model}",
    )


PROGRAM = ClientProgram(
    name="cursor",
    title="Cursor",
    command="cursor",
    protocol="chat",
    files=files,
    launch=None,
    facts=(
        Fact("With an own base URL its agent mode is not available, Ask and Plan only.", "LiteLLM's documentation"),
    ),
    by_hand=by_hand,
    impossible="its requests come from Cursor's own servers, which cannot reach an address of this machine",
)
