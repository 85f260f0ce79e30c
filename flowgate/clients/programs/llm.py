"""llm, a command line program for language models."""

from __future__ import annotations

from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Entry, Fact, KeyPath, Launch, Machine, OwnedFile
from flowgate.domain import Value


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what llm's own configuration needs."""
    folder = Path(machine.env.get("LLM_USER_PATH") or _usual_folder(machine))
    values: dict[KeyPath, Value] = {}
    for name in endpoint.models:
        entry = Entry("model_id", f"flowgate/{name}")
        values[(entry, "model_name")] = name
        values[(entry, "api_base")] = f"{endpoint.root}/v1"
        values[(entry, "api_key_name")] = "flowgate"
        values[(entry, "supports_tools")] = True
    models = OwnedFile(folder / "extra-openai-models.yaml", "yaml", values)
    return (models, OwnedFile(folder / "keys.json", "json", {("flowgate",): endpoint.key}))


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of llm needs: its models of OpenAI's names ask the gateway."""
    env = {"OPENAI_BASE_URL": f"{endpoint.root}/v1", "OPENAI_API_KEY": endpoint.key}
    return Launch(env, ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID"))


def _usual_folder(machine: Machine) -> Path:
    if machine.platform == "darwin":
        return machine.home / "Library" / "Application Support" / "io.datasette.llm"
    return Path(machine.env.get("XDG_CONFIG_HOME") or machine.home / ".config") / "io.datasette.llm"


def by_hand(machine: Machine, endpoint: Endpoint) -> tuple[str, ...]:
    """Say how a model is chosen: the default model is the user's."""
    return (f"ask with: llm -m flowgate/{endpoint.model} '…' (llm models default flowgate/{endpoint.model} keeps it)",)


def required(machine: Machine) -> tuple[OwnedFile, ...]:
    """Return what must not be there: a stored key beats the variable, and would be sent to the gateway."""
    folder = Path(machine.env.get("LLM_USER_PATH") or _usual_folder(machine))
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
    headless_env=lambda endpoint: {"LLM_MODEL": f"flowgate/{endpoint.model}"},
    tried=("0.36",),
    facts=(
        Fact("A stored key (`llm keys set openai`) beats OPENAI_API_KEY.", "llm 0.36"),
        Fact("Only a file tells it other models than OpenAI's.", "llm 0.36"),
    ),
    install="pip install llm",
    by_hand=by_hand,
)
