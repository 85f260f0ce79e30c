"""Gemini CLI, the command line program of Google."""

from __future__ import annotations

from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Fact, KeyPath, Launch, Machine, OwnedFile
from flowgate.domain import Value

# Variables that choose another way to log in.
ELSEWHERE = (
    "GOOGLE_API_KEY",
    "GOOGLE_GENAI_USE_GCA",
    "GOOGLE_GENAI_USE_VERTEXAI",
    "GEMINI_CLI_USE_COMPUTE_ADC",
    "CODE_ASSIST_ENDPOINT",
    "GEMINI_API_KEY_AUTH_MECHANISM",
)


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Gemini CLI's own configuration needs."""
    folder = Path(machine.env.get("GEMINI_CLI_HOME") or machine.home) / ".gemini"
    values: dict[KeyPath, Value] = {
        ("GOOGLE_GEMINI_BASE_URL",): endpoint.root,
        ("GEMINI_API_KEY",): endpoint.key,
        ("GEMINI_MODEL",): endpoint.model,
    }
    return (*required(machine), OwnedFile(folder / ".env", "dotenv", values))


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of Gemini CLI needs; its way to log in is in its settings file alone."""
    env = {
        "GOOGLE_GEMINI_BASE_URL": endpoint.root,
        "GEMINI_API_KEY": endpoint.key,
        "GEMINI_MODEL": endpoint.model,
    }
    return Launch(env, ELSEWHERE)


def required(machine: Machine) -> tuple[OwnedFile, ...]:
    """Return what must be in the user's settings: no variable chooses the login by a key beside a base URL."""
    folder = Path(machine.env.get("GEMINI_CLI_HOME") or machine.home) / ".gemini"
    return (OwnedFile(folder / "settings.json", "json", {("security", "auth", "selectedType"): "gemini-api-key"}),)


PROGRAM = ClientProgram(
    name="gemini-cli",
    title="Gemini CLI",
    command="gemini",
    protocol="google",
    files=files,
    launch=launch,
    launch_requires=required,
    headless=lambda question: ("--skip-trust", "-p", question),
    tried=("0.61.0",),
    facts=(
        Fact("With a base URL and no `security.auth.selectedType` it refuses to start.", "Gemini CLI 0.61.0"),
        Fact("Logged in with Google it ignores the base URL.", "Gemini CLI 0.61.0"),
    ),
    install="npm install -g @google/gemini-cli",
)
