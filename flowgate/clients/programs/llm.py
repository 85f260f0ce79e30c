"""llm, a command line program for language models."""

from __future__ import annotations

from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Fact, Launch, Machine, OwnedFile


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what llm's own configuration needs."""
    return ()


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of llm needs: its models of OpenAI's names ask the gateway."""
    env = {"OPENAI_BASE_URL": f"{endpoint.root}/v1", "OPENAI_API_KEY": endpoint.key}
    return Launch(env, ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"))


def required(machine: Machine) -> tuple[OwnedFile, ...]:
    """Return what must not be there: a stored key beats the variable, and would be sent to the gateway."""
    usual = {"linux": ".config", "darwin": "Library/Application Support"}[machine.platform]
    own = machine.env.get("LLM_USER_PATH")
    folder = Path(own) if own else machine.home / usual / "io.datasette.llm"
    return (OwnedFile(folder / "keys.json", "json", {("openai",): None}),)


PROGRAM = ClientProgram(
    name="llm",
    title="llm",
    command="llm",
    protocol="chat",
    files=files,
    launch=launch,
    launch_requires=required,
    headless=lambda question: (question,),
    tried=("0.36",),
    facts=(
        Fact("A stored key (`llm keys set openai`) beats OPENAI_API_KEY.", "llm 0.36"),
        Fact("Only a file tells it other models than OpenAI's.", "llm 0.36"),
    ),
    install="pip install llm",
)
