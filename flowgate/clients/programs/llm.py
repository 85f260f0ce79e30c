"""llm, a command line program for language models."""

from __future__ import annotations

from flowgate.clients.program import ClientProgram, Endpoint, Launch, Machine, OwnedFile


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what llm's own configuration needs."""
    return ()


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of llm needs: its models of OpenAI's names ask the gateway."""
    env = {"OPENAI_BASE_URL": f"{endpoint.root}/v1", "OPENAI_API_KEY": endpoint.key}
    return Launch(env, ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"))


PROGRAM = ClientProgram(
    name="llm",
    title="llm",
    command="llm",
    protocol="chat",
    files=files,
    launch=launch,
    headless=lambda question: (question,),
    tried=("0.36",),
    install="pip install llm",
)
