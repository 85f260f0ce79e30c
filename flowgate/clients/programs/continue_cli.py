"""Continue, an agent on the command line and in editors."""

from __future__ import annotations

from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Entry, Fact, KeyPath, Machine, OwnedFile
from flowgate.domain import Value


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Continue's own configuration needs."""
    folder = Path(machine.env.get("CONTINUE_GLOBAL_DIR") or machine.home / ".continue")
    values: dict[KeyPath, Value] = {}
    roles: dict[str, list[Value]] = {endpoint.model: ["chat", "edit", "apply"]}
    for name in dict.fromkeys((endpoint.model, endpoint.small_model)):
        entry = ("models", Entry("name", f"FlowGate {name}"))
        values[(*entry, "provider")] = "openai"
        values[(*entry, "model")] = name
        values[(*entry, "apiBase")] = f"{endpoint.root}/v1"
        values[(*entry, "apiKey")] = endpoint.key
        values[(*entry, "roles")] = roles.get(name, ["summarize"])
    new: dict[KeyPath, Value] = {("name",): "FlowGate", ("version",): "1.0.0", ("schema",): "v1"}
    return (OwnedFile(folder / "config.yaml", "yaml", values, if_missing=new),)


PROGRAM = ClientProgram(
    name="continue",
    title="Continue",
    command="cn",
    protocol="chat",
    files=files,
    launch=None,
    headless=lambda question: ("-p", question),
    tried=("1.5.47",),
    facts=(Fact("Only a file tells it the address; there is no variable for that.", "Continue 1.5.47"),),
    install="npm install -g @continuedev/cli",
)
