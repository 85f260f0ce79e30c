"""goose, a command line agent."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Fact, Launch, Machine, OwnedFile


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what goose's own configuration needs."""
    return ()


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of goose needs; variables beat its configuration file."""
    env = {
        "GOOSE_PROVIDER": "openai",
        "GOOSE_MODEL": endpoint.model,
        "OPENAI_HOST": endpoint.root,
        "OPENAI_BASE_PATH": "v1/chat/completions",
        "OPENAI_API_KEY": endpoint.key,
    }
    return Launch(env, ("OPENAI_BASE_URL", "OPENAI_ORGANIZATION", "OPENAI_PROJECT"))


PROGRAM = ClientProgram(
    name="goose",
    title="goose",
    command="goose",
    protocol="chat",
    files=files,
    launch=launch,
    headless=lambda question: ("run", "--no-session", "--text", question),
    facts=(Fact("It is not tried: no package registry has it.", "goose's documentation"),),
)
