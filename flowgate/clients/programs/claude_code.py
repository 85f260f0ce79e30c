"""Claude Code, the command line program of Anthropic."""

from __future__ import annotations

import json
from pathlib import Path

from flowgate.clients.program import ClientProgram, Endpoint, Fact, KeyPath, Launch, Machine, OwnedFile
from flowgate.domain import Value

KEY_VARIABLE = "FLOWGATE_CLIENT_KEY"
# Variables that would lead to another provider, or send a second credential beside the token.
ELSEWHERE = (
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK",
    "CLAUDE_CODE_USE_VERTEX",
    "CLAUDE_CODE_USE_FOUNDRY",
    "ANTHROPIC_CUSTOM_HEADERS",
)


def _variables(endpoint: Endpoint) -> dict[str, str]:
    return {
        "ANTHROPIC_BASE_URL": endpoint.root,
        "ANTHROPIC_MODEL": endpoint.model,
        "ANTHROPIC_DEFAULT_OPUS_MODEL": endpoint.model,
        "ANTHROPIC_DEFAULT_SONNET_MODEL": endpoint.model,
        "ANTHROPIC_DEFAULT_FABLE_MODEL": endpoint.model,
        "ANTHROPIC_DEFAULT_HAIKU_MODEL": endpoint.small_model,
        "ANTHROPIC_SMALL_FAST_MODEL": endpoint.small_model,
        "CLAUDE_CODE_SUBAGENT_MODEL": endpoint.model,
        "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY": "1",
    }


def files(machine: Machine, endpoint: Endpoint) -> tuple[OwnedFile, ...]:
    """Return what Claude Code's own configuration needs."""
    folder = Path(machine.env.get("CLAUDE_CONFIG_DIR") or machine.home / ".claude")
    variables = {**_variables(endpoint), "ANTHROPIC_AUTH_TOKEN": endpoint.key, "ANTHROPIC_API_KEY": ""}
    values: dict[KeyPath, Value] = {("env", name): value for name, value in variables.items()}
    return (OwnedFile(folder / "settings.json", "json", values),)


def launch(endpoint: Endpoint) -> Launch:
    """Return what one process of Claude Code needs.

    The `env` of its settings files beats the variables of the shell, so the same variables are given as settings of
    this process, which beat those files. A key in arguments could be seen by others: a helper reads it from a variable
    instead, and the token that a file may hold is emptied. A user's own `--settings` replaces ours; the variables of
    the shell are there for that case.
    """
    variables = _variables(endpoint)
    emptied = dict.fromkeys(("ANTHROPIC_AUTH_TOKEN", *ELSEWHERE), "")
    settings = {"env": {**variables, **emptied}, "apiKeyHelper": f"printenv {KEY_VARIABLE}"}
    env = {**variables, "ANTHROPIC_AUTH_TOKEN": endpoint.key, KEY_VARIABLE: endpoint.key}
    return Launch(env, ELSEWHERE, ("--settings", json.dumps(settings)))


PROGRAM = ClientProgram(
    name="claude-code",
    title="Claude Code",
    command="claude",
    protocol="messages",
    files=files,
    launch=launch,
    headless=lambda question: ("-p", question),
    tried=("2.1.197",),
    facts=(
        Fact("The `env` of settings files beats the variables of the shell.", "Claude Code 2.1.197"),
        Fact("With ANTHROPIC_AUTH_TOKEN and ANTHROPIC_API_KEY both credentials are sent.", "Claude Code 2.1.197"),
    ),
    install="npm install -g @anthropic-ai/claude-code",
)
