"""opencode, a command line agent."""

from __future__ import annotations

import json
from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Fact, KeyPath, Launch, Machine, OwnedFile
from flowgate.domain import Value

PROVIDER = "flowgate"
KEY_VARIABLE = "FLOWGATE_OPENCODE_KEY"


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what opencode's own configuration needs."""
    folder = Path(machine.env.get("XDG_CONFIG_HOME") or machine.home / ".config") / "opencode"
    values: dict[KeyPath, Value] = {
        ("model",): f"{PROVIDER}/{endpoint.model}",
        ("small_model",): f"{PROVIDER}/{endpoint.small_model}",
        ("provider", PROVIDER, "npm"): "@ai-sdk/openai-compatible",
        ("provider", PROVIDER, "name"): "FlowGate",
        ("provider", PROVIDER, "options", "baseURL"): f"{endpoint.root}/v1",
        ("provider", PROVIDER, "options", "apiKey"): endpoint.key,
    }
    for name in endpoint.models:
        values[("provider", PROVIDER, "models", name, "name")] = name
    return (OwnedFile(folder / "opencode.json", "json", values),)


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of opencode needs: configuration in a variable, merged over that of its files.

    The other providers are off for this process: nothing asks them, and a user's own list cannot leave FlowGate out.
    """
    options = {"baseURL": f"{endpoint.root}/v1", "apiKey": f"{{env:{KEY_VARIABLE}}}"}
    models = {name: {"name": name} for name in endpoint.models}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "FlowGate", "options": options, "models": models}
    content = {
        "enabled_providers": [PROVIDER],
        "model": f"{PROVIDER}/{endpoint.model}",
        "small_model": f"{PROVIDER}/{endpoint.small_model}",
        "provider": {PROVIDER: provider},
    }
    return Launch({"OPENCODE_CONFIG_CONTENT": json.dumps(content), KEY_VARIABLE: endpoint.key})


PROGRAM = ClientProgram(
    name="opencode",
    title="opencode",
    command="opencode",
    protocol="chat",
    files=files,
    launch=launch,
    headless=lambda question: ("run", question),
    tried=("1.18.33",),
    facts=(Fact("`{env:NAME}` in its configuration is replaced by the variable.", "opencode 1.18.33"),),
    install="npm install -g opencode-ai",
)
