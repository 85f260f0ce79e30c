"""Aider, a command line agent."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Fact, KeyPath, Launch, Machine, OwnedFile
from flowgate.domain import Value


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Aider's own configuration needs."""
    values: dict[KeyPath, Value] = {
        ("openai-api-base",): f"{endpoint.root}/v1",
        ("openai-api-key",): endpoint.key,
        ("model",): f"openai/{endpoint.model}",
        ("weak-model",): f"openai/{endpoint.small_model}",
    }
    return (OwnedFile(machine.home / ".aider.conf.yml", "yaml", values),)


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of Aider needs; variables beat its configuration file."""
    env = {
        "OPENAI_API_BASE": f"{endpoint.root}/v1",
        "AIDER_OPENAI_API_BASE": f"{endpoint.root}/v1",
        "OPENAI_API_KEY": endpoint.key,
        "AIDER_OPENAI_API_KEY": endpoint.key,
        "AIDER_MODEL": f"openai/{endpoint.model}",
        "AIDER_WEAK_MODEL": f"openai/{endpoint.small_model}",
        "AIDER_EDITOR_MODEL": f"openai/{endpoint.model}",
    }
    return Launch(env, ("OPENAI_BASE_URL", "OPENAI_API_TYPE", "OPENAI_API_VERSION", "OPENAI_ORGANIZATION"))


def headless(question: str) -> tuple[str, ...]:
    """Return the arguments that ask one question."""
    quiet = ("--no-git", "--no-check-update", "--no-show-model-warnings", "--no-show-release-notes", "--no-pretty")
    return ("--message", question, "--yes-always", "--analytics-disable", *quiet)


PROGRAM = ClientProgram(
    name="aider",
    title="Aider",
    command="aider",
    protocol="chat",
    files=files,
    launch=launch,
    headless=headless,
    tried=("0.86.2",),
    facts=(Fact("The model's name needs `openai/` in front.", "Aider 0.86.2"),),
    install="pip install aider-chat",
)
