"""Any program that reads the variables of OpenAI's libraries."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, KeyPath, Launch, Machine, OwnedFile, env_file, source_line
from flowgate.domain import Value

ELSEWHERE = ("OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID", "OPENAI_API_TYPE", "OPENAI_API_VERSION")


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return the file of variables."""
    values: dict[KeyPath, Value] = {(name,): value for name, value in _variables(endpoint).items()}
    return (OwnedFile(env_file(machine, endpoint), "shell", values),)


def launch(endpoint: Endpoint) -> Launch:
    """Return the variables: the libraries read the newer name of the address, older programs the other one."""
    return Launch(_variables(endpoint), ELSEWHERE)


def _variables(endpoint: Endpoint) -> dict[str, str]:
    address = f"{endpoint.root}/v1"
    env = {"OPENAI_BASE_URL": address, "OPENAI_API_BASE": address, "OPENAI_API_KEY": endpoint.key}
    return {**env, "OPENAI_MODEL": endpoint.model}


def by_hand(machine: Machine, endpoint: Endpoint) -> tuple[str, ...]:
    """Say how the file is used."""
    return (f"in each shell that needs it: {source_line(machine, endpoint)}",)


PROGRAM = ClientProgram(
    name="openai-env",
    title="the variables of OpenAI's libraries",
    command="",
    protocol="chat",
    files=files,
    launch=launch,
    by_hand=by_hand,
)
