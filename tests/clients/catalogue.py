"""The real clients that the test runs: what is installed, how one question is asked, and which API they speak."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.clients.installs import Install

DRIVERS = Path(__file__).parent / "drivers"
MADE = "made-by-a-tool"  # the file that a tool of an agent makes
SHELL = f"touch {MADE}"
LIBRARY_TOOL: Mapping[str, object] = {"city": "Rome"}
PATHS = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
    "google": "/v1beta/models/",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run happens, and what it talks to.

    Attributes:
        home: An empty home folder.
        root: Address of the gateway without `/v1`.
        key: The key.
        model: The model.
        small: The model for background work.
    """

    home: Path
    root: str
    key: str
    model: str = "router-default"
    small: str = "router-cheap"


@dataclass(frozen=True, slots=True)
class Command:
    """A command line with its variables."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """One real client.

    Attributes:
        name: Its name in the test's id.
        title: Its name for people.
        install: Its packages.
        protocol: The API that it speaks.
        ask: Makes the command that asks one question. A program of ours (`drivers`) gets the mode as its last argument.
        calls: Words that make the embedded upstream call one of the client's tools; empty if it has none.
    """

    name: str
    title: str
    install: Install
    protocol: str
    ask: Callable[[Client, Place, str], Command]
    calls: str = ""

    @property
    def is_library(self) -> bool:
        """Whether a driver of ours asks, instead of a program."""
        return self.ask is driver


def driver(client: Client, place: Place, question: str) -> Command:
    """Ask through one of our own programs that use an SDK."""
    is_node = client.install.registry == "npm"
    file = DRIVERS / f"{client.name.partition('.')[0]}{'.mjs' if is_node else '.py'}"
    env = {"QUESTION": question, "ROOT": place.root, "KEY": place.key, "MODEL": place.model}
    env |= {"MODULES": str(client.install.folder / "node_modules"), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Command(("node" if is_node else str(client.install.program("python")), str(file)), env)


def codex(client: Client, place: Place, question: str) -> Command:
    """Codex with overrides of its configuration; no file is written."""
    own = {"name": "FlowGate", "base_url": f"{place.root}/v1", "env_key": "CLIENT_KEY", "wire_api": "responses"}
    settings = {f"model_providers.flowgate.{key}": f'"{value}"' for key, value in own.items()}
    settings |= {"model_providers.flowgate.supports_websockets": "false"}
    settings |= {"model": f'"{place.model}"', "model_provider": '"flowgate"'}
    overrides = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    flags = ("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", question)
    return Command((str(client.install.program("codex")), *overrides, *flags), {"CLIENT_KEY": place.key})


def claude_code(client: Client, place: Place, question: str) -> Command:
    """Claude Code with variables; no file is written."""
    env = {"ANTHROPIC_BASE_URL": place.root, "ANTHROPIC_AUTH_TOKEN": place.key, "ANTHROPIC_MODEL": place.model}
    env |= {"ANTHROPIC_DEFAULT_HAIKU_MODEL": place.small, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
    return Command((str(client.install.program("claude")), "-p", question, "--allowedTools", "Bash"), env)


def opencode(client: Client, place: Place, question: str) -> Command:
    """Ask opencode with its configuration in a variable; no file is written."""
    options = {"baseURL": f"{place.root}/v1", "apiKey": "{env:CLIENT_KEY}"}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "FlowGate", "options": options}
    models = {"models": {place.model: {}, place.small: {}}}
    config = {"provider": {"flowgate": provider | models}, "model": f"flowgate/{place.model}"}
    config |= {"small_model": f"flowgate/{place.small}"}
    env = {"OPENCODE_CONFIG_CONTENT": json.dumps(config), "CLIENT_KEY": place.key}
    return Command((str(client.install.program("opencode")), "run", question), env)


def gemini_cli(client: Client, place: Place, question: str) -> Command:
    """Gemini CLI with variables, and the way to log in chosen in its settings."""
    folder = place.home / ".gemini"
    folder.mkdir(exist_ok=True)
    (folder / "settings.json").write_text(json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}}))
    env = {"GOOGLE_GEMINI_BASE_URL": place.root, "GEMINI_API_KEY": place.key, "GEMINI_MODEL": place.model}
    env |= {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
    return Command((str(client.install.program("gemini")), "--yolo", "-p", question), env)


def cline(client: Client, place: Place, question: str) -> Command:
    """Cline after `cline auth`, which writes its files."""
    program = str(client.install.program("cline"))
    script = (
        '"$1" auth -p openai -k "$CLIENT_KEY" -m "$MODEL" -b "$ROOT/v1" >/dev/null && exec "$1" --json "$2" 2>/dev/null'
    )
    env = {"CLIENT_KEY": place.key, "MODEL": place.model, "ROOT": place.root}
    return Command(("sh", "-c", script, "sh", program, question), env)


def continue_cli(client: Client, place: Place, question: str) -> Command:
    """Ask Continue with a configuration file."""
    model = {"name": place.model, "provider": "openai", "model": place.model, "apiBase": f"{place.root}/v1"}
    config = {"name": "FlowGate", "version": "1.0.0", "schema": "v1", "models": [model | {"apiKey": place.key}]}
    file = place.home / "config.yaml"
    file.write_text(json.dumps(config))
    return Command((str(client.install.program("cn")), "--config", str(file), "--auto", "-p", question), {})


def aider(client: Client, place: Place, question: str) -> Command:
    """Aider with variables."""
    quiet = ("--no-show-model-warnings", "--no-check-update", "--analytics-disable", "--no-gitignore", "--yes-always")
    argv = (str(client.install.program("aider")), "--model", f"openai/{place.model}", *quiet, "--message", question)
    return Command(argv, {"OPENAI_API_BASE": f"{place.root}/v1", "OPENAI_API_KEY": place.key})


def llm(client: Client, place: Place, question: str) -> Command:
    """Ask `llm` with a model of its own configuration, and a tool that is a Python function."""
    folder = place.home / "llm"
    folder.mkdir(exist_ok=True)
    model = {"model_id": place.model, "model_name": place.model, "api_base": f"{place.root}/v1", "supports_tools": True}
    (folder / "extra-openai-models.yaml").write_text(json.dumps([model | {"api_key_name": "flowgate"}]))
    (folder / "keys.json").write_text(json.dumps({"flowgate": place.key}))
    code = f"import os\ndef shell(command: str) -> str:\n    open({MADE!r}, 'w').close()\n    return 'done'\n"
    argv = (str(client.install.program("llm")), "-m", place.model, "--functions", code, question)
    return Command(argv, {"LLM_USER_PATH": str(folder)})


def _call(tool: str, **given: object) -> str:
    return f"(call {tool} {json.dumps(given)})"


def _npm(name: str, *packages: str) -> Install:
    return Install("npm", name, packages)


def _pypi(name: str, *packages: str) -> Install:
    return Install("pypi", name, packages)


WEATHER = _call("weather", **LIBRARY_TOOL)
CLIENTS = (
    Client(
        "codex", "Codex", _npm("codex", "@openai/codex@0.171.0"), "responses", codex, _call("exec_command", cmd=SHELL)
    ),
    Client(
        *(
            "claude-code",
            "Claude Code",
            _npm("claude-code", "@anthropic-ai/claude-code@2.1.197"),
            "messages",
            claude_code,
        ),
        _call("Bash", command=SHELL, description="make a file"),
    ),
    Client(
        *("opencode", "opencode", _npm("opencode", "opencode-ai@1.18.33"), "chat", opencode),
        _call("bash", command=SHELL, description="make a file"),
    ),
    Client(
        *("gemini-cli", "Gemini CLI", _npm("gemini-cli", "@google/gemini-cli@0.61.0"), "google", gemini_cli),
        _call("run_shell_command", command=SHELL, description="make a file"),
    ),
    Client(
        *("cline", "Cline", _npm("cline", "cline@3.0.65"), "chat", cline),
        _call("run_commands", commands=[SHELL]),
    ),
    Client(
        *("continue", "Continue", _npm("continue", "@continuedev/cli@1.5.47"), "chat", continue_cli),
        _call("Bash", command=SHELL),
    ),
    Client("aider", "Aider", _pypi("aider", "aider-chat==0.86.2"), "chat", aider),
    Client("llm", "llm", _pypi("llm", "llm==0.36"), "chat", llm, _call("shell", command=SHELL)),
    Client("openai_sdk.py", "OpenAI SDK (Python)", _pypi("openai", "openai==3.57.0"), "chat", driver, WEATHER),
    Client(
        *("anthropic_sdk.py", "Anthropic SDK (Python)", _pypi("anthropic", "anthropic==2.14.0"), "messages"),
        *(driver, WEATHER),
    ),
    Client(
        *("langchain_sdk.py", "LangChain (Python)", _pypi("langchain", "langchain-openai==1.7.4"), "chat"),
        *(driver, WEATHER),
    ),
    Client(
        *("llama_index_sdk.py", "LlamaIndex", _pypi("llama-index", "llama-index-llms-openai-like==0.8.1"), "chat"),
        *(driver, WEATHER),
    ),
    Client("litellm_sdk.py", "LiteLLM SDK", _pypi("litellm", "litellm==1.110.2"), "chat", driver, WEATHER),
    Client("openai_sdk.mjs", "OpenAI SDK (Node)", _npm("openai", "openai@6.49.0"), "responses", driver, WEATHER),
    Client(
        *("anthropic_sdk.mjs", "Anthropic SDK (Node)", _npm("anthropic", "@anthropic-ai/sdk@1.14.0"), "messages"),
        *(driver, WEATHER),
    ),
    Client(
        *(
            "ai_sdk.mjs",
            "AI SDK",
            _npm("ai-sdk", "ai@6.0.326", "@ai-sdk/openai-compatible@2.0.92", "zod@4.6.7"),
            "chat",
        ),
        *(driver, WEATHER),
    ),
    Client(
        *("langchain_sdk.mjs", "LangChain JS"),
        _npm("langchain", "@langchain/openai@1.5.8", "@langchain/core@1.4.0", "zod@4.6.7"),
        *("chat", driver, WEATHER),
    ),
)
