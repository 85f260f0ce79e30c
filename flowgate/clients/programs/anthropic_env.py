"""Any program that reads the variables of Anthropic's libraries."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Launch, Machine, OwnedFile


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return the file of variables."""
    return ()


def launch(endpoint: Endpoint) -> Launch:
    """Return the variables; a token beside the key would be sent too."""
    env = {"ANTHROPIC_BASE_URL": endpoint.root, "ANTHROPIC_API_KEY": endpoint.key}
    return Launch({**env, "ANTHROPIC_MODEL": endpoint.model}, ("ANTHROPIC_AUTH_TOKEN",))


PROGRAM = ClientProgram(
    name="anthropic-env",
    title="the variables of Anthropic's libraries",
    command="",
    protocol="messages",
    files=files,
    launch=launch,
)
