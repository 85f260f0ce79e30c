"""Zed, an editor with an agent."""

from __future__ import annotations

from pathlib import Path

from flowgate.clients.program import (
    ClientProgram,
    Endpoint,
    Fact,
    KeyPath,
    Machine,
    OwnedFile,
    env_file,
    source_line,
)
from flowgate.domain import Value

PROVIDER = "FlowGate"
KEY_VARIABLE = "FLOWGATE_API_KEY"  # Zed makes it from the provider's name
CONTEXT_TOKENS = 200_000


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Zed's own configuration needs, and the file with the key, which Zed takes from a variable alone."""
    folder = Path(machine.env.get("XDG_CONFIG_HOME") or machine.home / ".config")
    folder = folder if machine.platform == "linux" else machine.home / ".config"
    models: list[Value] = [
        {"name": name, "display_name": name, "max_tokens": CONTEXT_TOKENS} for name in endpoint.models
    ]
    provider = ("language_models", "openai_compatible", PROVIDER)
    values: dict[KeyPath, Value] = {
        (*provider, "api_url"): f"{endpoint.root}/v1",
        (*provider, "available_models"): models,
    }
    key = OwnedFile(env_file(machine, endpoint), "shell", {(KEY_VARIABLE,): endpoint.key})
    return (OwnedFile(folder / "zed" / "settings.json", "json", values), key)


def by_hand(machine: Machine, endpoint: Endpoint) -> tuple[str, ...]:
    """Say how Zed gets the key and the model."""
    return (
        f"start Zed from a shell that has the key: {source_line(machine, endpoint)} && zed",
        f"choose the model {endpoint.model} of {PROVIDER} in the agent panel",
    )


PROGRAM = ClientProgram(
    name="zed",
    title="Zed",
    command="zed",
    protocol="chat",
    files=files,
    launch=None,
    facts=(
        Fact("Its key comes from FLOWGATE_API_KEY or the system's keychain, never from a file.", "Zed's documentation"),
        Fact("Its settings usually have comments; then the lines to paste are shown.", "Zed's documentation"),
        Fact("It is not tried: no package registry has it.", "Zed's documentation"),
    ),
    by_hand=by_hand,
)
