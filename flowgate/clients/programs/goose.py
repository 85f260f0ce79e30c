"""goose, a command line agent."""

from __future__ import annotations

from pathlib import Path

from flowgate.clients.program import (
    ClientProgram,
    Endpoint,
    Fact,
    KeyPath,
    Launch,
    Machine,
    OwnedFile,
    env_file,
    source_line,
)
from flowgate.domain import Value


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what goose's own configuration needs."""
    folder = Path(machine.env.get("XDG_CONFIG_HOME") or machine.home / ".config") / "goose"
    values: dict[KeyPath, Value] = {
        ("GOOSE_PROVIDER",): "openai",
        ("GOOSE_MODEL",): endpoint.model,
        ("OPENAI_HOST",): endpoint.root,
        ("OPENAI_BASE_PATH",): "v1/chat/completions",
    }
    key = OwnedFile(env_file(machine, endpoint), "shell", {("OPENAI_API_KEY",): endpoint.key})
    return (OwnedFile(folder / "config.yaml", "yaml", values), key)


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


def by_hand(machine: Machine, endpoint: Endpoint) -> tuple[str, ...]:
    """Say how goose gets the key: it reads it from a variable or the system's keyring, not from its file."""
    return (f"before you start goose: {source_line(machine, endpoint)}",)


PROGRAM = ClientProgram(
    name="goose",
    title="goose",
    command="goose",
    protocol="chat",
    files=files,
    launch=launch,
    headless=lambda question: ("run", "--no-session", "--text", question),
    facts=(Fact("It is not tried: no package registry has it.", "goose's documentation"),),
    by_hand=by_hand,
)
