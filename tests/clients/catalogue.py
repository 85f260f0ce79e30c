"""The real clients that the test runs: what is installed, how one question is asked, and which API they speak."""

from __future__ import annotations

import json

from tests.clients.installs import Install
from tests.clients.ways import LIBRARY_TOOL, MADE, SHELL, Client, cline, driver, recorded


def _call(tool: str, **given: object) -> str:
    return f"(call {tool} {json.dumps(given)})"


def _npm(name: str, *packages: str) -> Install:
    return Install("npm", name, packages)


def _pypi(name: str, *packages: str) -> Install:
    return Install("pypi", name, packages)


CODEX = recorded(("--dangerously-bypass-approvals-and-sandbox",))
CLAUDE_CODE = recorded(("--allowedTools", "Bash"))
GEMINI_CLI = recorded(("--yolo",), GEMINI_CLI_TRUST_WORKSPACE="true")
FUNCTION = f"import os\ndef shell(command: str) -> str:\n    open({MADE!r}, 'w').close()\n    return 'done'\n"
LLM = recorded(("-m", "flowgate/router-default", "--functions", FUNCTION), only_files=True)
WEATHER = _call("weather", **LIBRARY_TOOL)
CLIENTS = (
    Client(
        "codex", "Codex", _npm("codex", "@openai/codex@0.171.0"), "responses", CODEX, _call("exec_command", cmd=SHELL)
    ),
    Client(
        *(
            "claude-code",
            "Claude Code",
            _npm("claude-code", "@anthropic-ai/claude-code@2.1.197"),
            "messages",
            CLAUDE_CODE,
        ),
        _call("Bash", command=SHELL, description="make a file"),
    ),
    Client(
        *("opencode", "opencode", _npm("opencode", "opencode-ai@1.18.33"), "chat", recorded()),
        _call("bash", command=SHELL, description="make a file"),
    ),
    Client(
        *("gemini-cli", "Gemini CLI", _npm("gemini-cli", "@google/gemini-cli@0.61.0"), "google", GEMINI_CLI),
        _call("run_shell_command", command=SHELL, description="make a file"),
    ),
    Client(
        *("cline", "Cline", _npm("cline", "cline@3.0.65"), "chat", cline),
        _call("run_commands", commands=[SHELL]),
    ),
    Client(
        *("continue", "Continue", _npm("continue", "@continuedev/cli@1.5.47"), "chat", recorded(("--auto",))),
        _call("Bash", command=SHELL),
    ),
    Client("aider", "Aider", _pypi("aider", "aider-chat==0.86.2"), "chat", recorded()),
    Client("llm", "llm", _pypi("llm", "llm==0.36"), "chat", LLM, _call("shell", command=SHELL)),
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
        "chat",
        driver,
        WEATHER,
    ),
)
