"""The records of all client programs: what one process gets, and that no key can be seen by others."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from flowgate.clients import registry
from flowgate.clients.endpoint import root
from flowgate.clients.program import ClientProgram, Endpoint, Launch, Machine
from flowgate.errors import UnknownName, UsageError

KEY = "fg-secret-of-the-client"
GATEWAY = Endpoint("http://127.0.0.1:4000", KEY, "router-default", "router-cheap", ("router-default", "router-cheap"))
PROGRAMS = registry.all_programs()
STARTED = [one for one in PROGRAMS.values() if one.launch is not None]


def launch(name: str, gateway: Endpoint = GATEWAY) -> Launch:
    start = PROGRAMS[name].launch
    assert start is not None
    return start(gateway)


@pytest.mark.parametrize("program", STARTED, ids=lambda one: one.name)
def test_the_key_is_in_variables_and_never_in_arguments(program: ClientProgram) -> None:
    start = launch(program.name)
    headless = program.headless("why?") if program.headless else ()
    assert KEY in start.env.values()
    assert not [word for word in (*start.arguments, *headless) if KEY in word]
    assert KEY not in repr(start)
    assert not set(start.env) & set(start.unset)


@pytest.mark.parametrize("program", STARTED, ids=lambda one: one.name)
def test_the_address_is_among_what_a_process_gets(program: ClientProgram) -> None:
    start = launch(program.name)
    assert any("http://127.0.0.1:4000" in one for one in (*start.env.values(), *start.arguments))


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=lambda one: one.name)
def test_one_question_is_one_word(program: ClientProgram) -> None:
    question = 'say "hi" -- to  $HOME'
    assert program.headless is None or question in program.headless(question)


@pytest.mark.parametrize("model", ['a"b', "a\\b", "ünï", "x y", "a=b", "org/model:free"])
def test_codex_reads_any_name_of_a_model(model: str) -> None:
    gateway = Endpoint(GATEWAY.root, KEY, model, model, (model,))
    words = launch("codex", gateway).arguments
    assert tomllib.loads("\n".join(words[1::2]))["model"] == model


def test_claude_code_beats_its_settings_files_and_sends_one_credential() -> None:
    start = launch("claude-code")
    settings = json.loads(start.arguments[1])
    assert settings["env"]["ANTHROPIC_BASE_URL"] == GATEWAY.root
    assert {settings["env"][name] for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_API_KEY")} == {""}
    assert settings["apiKeyHelper"] == "printenv FLOWGATE_CLIENT_KEY"
    assert settings["env"]["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "router-cheap"
    assert "ANTHROPIC_API_KEY" in start.unset


def test_opencode_gets_all_models_and_a_reference_to_the_key() -> None:
    start = launch("opencode")
    content = json.loads(start.env["OPENCODE_CONFIG_CONTENT"])
    assert set(content["provider"]["flowgate"]["models"]) == {"router-default", "router-cheap"}
    assert (content["model"], content["small_model"]) == ("flowgate/router-default", "flowgate/router-cheap")
    assert KEY not in start.env["OPENCODE_CONFIG_CONTENT"]


def test_names_are_found_and_suggested() -> None:
    assert registry.find("codex").title == "Codex"
    with pytest.raises(UnknownName) as unknown:
        registry.find("codxe")
    with pytest.raises(UsageError) as command:
        registry.find("gemini")
    assert ("codex" in unknown.value.fix, "gemini-cli" in command.value.fix) == (True, True)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:4000"),
        ("0.0.0.0", "http://127.0.0.1:4000"),  # noqa: S104 - only compared with
        ("::", "http://[::1]:4000"),
        ("::1", "http://[::1]:4000"),
        ("localhost", "http://localhost:4000"),
    ],
)
def test_a_program_on_this_machine_asks_a_loopback_address(host: str, address: str) -> None:
    assert root(host, 4000) == address


def test_what_must_be_in_files_follows_the_users_variables() -> None:
    machine = Machine(Path("/h"), "linux", {"GEMINI_CLI_HOME": "/g", "LLM_USER_PATH": "/l"})
    assert PROGRAMS["gemini-cli"].launch_requires(machine)[0].path == Path("/g/.gemini/settings.json")
    assert PROGRAMS["llm"].launch_requires(machine)[0].path == Path("/l/keys.json")
