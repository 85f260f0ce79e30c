"""Codex, the command line program of OpenAI."""

from __future__ import annotations

import json
from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Fact, KeyPath, Launch, Machine, OwnedFile
from flowgate.domain import Value

PROVIDER = "flowgate"
KEY_VARIABLE = "FLOWGATE_CODEX_KEY"


def _provider(endpoint: Endpoint) -> dict[str, Value]:
    return {
        "name": "FlowGate",
        "base_url": f"{endpoint.root}/v1",
        "wire_api": "responses",
        "supports_websockets": False,
    }


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Codex's own configuration needs."""
    folder = Path(machine.env.get("CODEX_HOME") or machine.home / ".codex")
    provider = {**_provider(endpoint), "experimental_bearer_token": endpoint.key}
    values: dict[KeyPath, Value] = {("model",): endpoint.model, ("model_provider",): PROVIDER}
    for key, value in provider.items():
        values[("model_providers", PROVIDER, key)] = value
    return (OwnedFile(folder / "config.toml", "toml", values),)


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of Codex needs."""
    provider = {**_provider(endpoint), "env_key": KEY_VARIABLE}
    settings: dict[str, Value] = {"model": endpoint.model, "model_provider": PROVIDER}
    settings |= {f"model_providers.{PROVIDER}.{key}": value for key, value in provider.items()}
    arguments = [word for key, value in settings.items() for word in ("-c", f"{key}={_toml(value)}")]
    return Launch({KEY_VARIABLE: endpoint.key}, ("OPENAI_API_KEY", "CODEX_API_KEY"), tuple(arguments))


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)


PROGRAM = ClientProgram(
    name="codex",
    title="Codex",
    command="codex",
    protocol="responses",
    files=files,
    launch=launch,
    headless=lambda question: ("exec", "--skip-git-repo-check", question),
    tried=("0.171.0",),
    install="npm install -g @openai/codex",
    facts=(
        Fact("Codex ignores OPENAI_BASE_URL; only its configuration names the gateway.", "Codex 0.169"),
        Fact('Codex refuses `wire_api = "chat"`; it speaks the Responses API alone.', "Codex 0.162.1"),
    ),
)
