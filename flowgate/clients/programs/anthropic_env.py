"""Any program that reads the variables of Anthropic's libraries."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, KeyPath, Launch, Machine, OwnedFile, env_file, source_line
from flowgate.domain import Value


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return the file of variables."""
    values: dict[KeyPath, Value] = {(name,): value for name, value in _variables(endpoint).items()}
    return (OwnedFile(env_file(machine, endpoint), "shell", values),)


def launch(endpoint: Endpoint) -> Launch:
    """Return the variables; a token beside the key would be sent too."""
    return Launch(_variables(endpoint), ("ANTHROPIC_AUTH_TOKEN",))


def _variables(endpoint: Endpoint) -> dict[str, str]:
    env = {"ANTHROPIC_BASE_URL": endpoint.root, "ANTHROPIC_API_KEY": endpoint.key}
    return {**env, "ANTHROPIC_MODEL": endpoint.model}


def by_hand(machine: Machine, endpoint: Endpoint) -> tuple[str, ...]:
    """Say how the file is used."""
    return (f"in each shell that needs it: {source_line(machine, endpoint)}",)


PROGRAM = ClientProgram(
    name="anthropic-env",
    title="the variables of Anthropic's libraries",
    command="",
    protocol="messages",
    files=files,
    launch=launch,
    by_hand=by_hand,
)
