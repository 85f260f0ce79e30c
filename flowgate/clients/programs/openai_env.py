"""Any program that reads the variables of OpenAI's libraries."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Launch, Machine, OwnedFile

ELSEWHERE = ("OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID", "OPENAI_API_TYPE", "OPENAI_API_VERSION")


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return the file of variables."""
    return ()


def launch(endpoint: Endpoint) -> Launch:
    """Return the variables: the libraries read the newer name of the address, older programs the other one."""
    address = f"{endpoint.root}/v1"
    env = {"OPENAI_BASE_URL": address, "OPENAI_API_BASE": address, "OPENAI_API_KEY": endpoint.key}
    return Launch({**env, "OPENAI_MODEL": endpoint.model}, ELSEWHERE)


PROGRAM = ClientProgram(
    name="openai-env",
    title="the variables of OpenAI's libraries",
    command="",
    protocol="chat",
    files=files,
    launch=launch,
)
