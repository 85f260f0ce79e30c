"""Tools: offered in every format, chosen by the prompt or by `tool_choice`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowgate.embedded_upstream.answers import Answer, complete

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = '(call get_weather {"city": "Paris"})'
NAMES = ("get_weather", "get_time")
CHAT: Any = [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in NAMES]
RESPONSES: Any = [{"type": "function", "name": name, "parameters": SCHEMA} for name in NAMES]
MESSAGES: Any = [{"name": name, "input_schema": SCHEMA} for name in NAMES]
GEMINI: Any = [{"functionDeclarations": [{"name": name, "parameters": SCHEMA} for name in NAMES]}]


def ask(prompt: str, tools: Any = CHAT, **more: Any) -> Answer:
    return complete({"model": "m", "messages": [{"role": "user", "content": prompt}], "tools": tools, **more})


def calls(answer: Answer) -> list[tuple[str, object]]:
    return [(one.tool.name, json.loads(one.arguments)) for one in answer.calls]


@pytest.mark.parametrize("tools", [CHAT, RESPONSES, MESSAGES, GEMINI])
def test_a_written_call_is_made_in_every_format(tools: Any) -> None:
    assert calls(ask(CALL, tools)) == [("get_weather", {"city": "Paris"})]


def test_several_written_calls_are_made_at_once() -> None:
    answer = ask(f'{CALL} and (call get_time {{"city": "a) {{b"}}) (call get_time)')
    assert calls(answer) == [
        ("get_weather", {"city": "Paris"}),
        ("get_time", {"city": "a) {b"}),
        ("get_time", {"city": "example"}),
    ]
    assert len({one.key for one in answer.calls}) == 3


@pytest.mark.parametrize(
    "more",
    [{"parallel_tool_calls": False}, {"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}],
)
def test_without_parallel_calls_the_first_one_is_made(more: Any) -> None:
    assert len(ask(f"{CALL} (call get_time)", **more).calls) == 1


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        ("required", "get_weather"),
        ("any", "get_weather"),
        ({"type": "any"}, "get_weather"),
        ({"type": "tool", "name": "get_time"}, "get_time"),
        ({"type": "function", "name": "get_time"}, "get_time"),
        ({"type": "function", "function": {"name": "get_time"}}, "get_time"),
        ({"type": "allowed_tools", "mode": "required", "tools": [{"name": "get_time"}]}, "get_time"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [{"name": "get_time"}]}}, "get_time"),
    ],
)
def test_a_demanded_call_is_made(choice: object, name: str) -> None:
    assert calls(ask("hello", tool_choice=choice)) == [(name, {"city": "example"})]


@pytest.mark.parametrize(
    ("mode", "names", "made"),
    [("ANY", [], ["get_weather"]), ("ANY", ["get_time"], ["get_time"]), ("AUTO", [], []), ("NONE", [], [])],
)
def test_geminis_modes_are_honoured(mode: str, names: list[str], made: list[str]) -> None:
    config = {"functionCallingConfig": {"mode": mode, "allowedFunctionNames": names}}
    assert [name for name, _ in calls(ask("hello", GEMINI, toolConfig=config))] == made


@pytest.mark.parametrize("choice", ["none", {"type": "none"}])
def test_a_forbidden_call_is_not_made_and_that_is_said(choice: object) -> None:
    answer = ask(CALL, tool_choice=choice)
    assert not answer.calls
    assert "tool_choice forbids" in answer.text


@pytest.mark.parametrize(
    ("prompt", "name", "named"),
    [
        ("please use get_weather for Paris", "get_weather", True),
        ("what about forget_weather_now", "get_weather", False),
        ("Read the file", "Read", False),
        ("read it with the Read tool", "Read", True),
        ("use the tool Read", "Read", True),
        ("`Bash` it", "Bash", True),
        ("Bash is a shell", "Bash", False),
        ("use webFetch", "webFetch", True),
    ],
)
def test_a_tool_is_called_if_the_prompt_names_it(prompt: str, name: str, named: bool) -> None:
    assert bool(ask(prompt, [{"name": name, "input_schema": SCHEMA}]).calls) is named


@pytest.mark.parametrize(("tools", "said"), [(CHAT, "tools: get_weather, get_time"), ([], "offers no tools")])
def test_an_impossible_call_is_said(tools: Any, said: str) -> None:
    answer = ask("(call nothing {})", tools)
    assert not answer.calls
    assert said in answer.text


@pytest.mark.parametrize("prompt", ["(call get_weather {broken)", "(call get_weather {} and more)", "(call )"])
def test_what_is_no_directive_is_text(prompt: str) -> None:
    assert "You asked" in ask(prompt, []).text


@pytest.mark.parametrize(
    "prompt", ['(call patch "*** Begin\\n*** End")', '(call patch {"input": "*** Begin\\n*** End"})']
)
def test_a_custom_tool_gets_a_text(prompt: str) -> None:
    for tool in ({"type": "custom", "name": "patch"}, {"type": "custom", "custom": {"name": "patch"}}):
        assert ask(prompt, [tool]).calls[0].arguments == "*** Begin\n*** End"


def test_a_local_shell_and_a_tool_in_a_namespace_are_called() -> None:
    tools: Any = [{"type": "local_shell"}, {"type": "namespace", "name": "files", "tools": RESPONSES}]
    answer = ask('(call local_shell {"command": ["ls"]}) (call get_time)', tools)
    assert [(one.tool.kind, one.tool.namespace) for one in answer.calls] == [("local_shell", ""), ("function", "files")]


@pytest.mark.parametrize("kind", ["web_search", "web_search_20250305", "code_interpreter", "mcp"])
def test_a_tool_that_the_vendor_runs_is_never_called(kind: str) -> None:
    assert not ask("hello", [{"type": kind, "name": "web_search"}], tool_choice="required").calls


ASKED: Any = {"role": "user", "content": CALL}
HISTORIES: list[Any] = [
    {
        "messages": [
            ASKED,
            {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "get_weather"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "sunny"},
        ]
    },
    {
        "messages": [
            ASKED,
            {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "get_weather"}]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "sunny"}]},
                    {"type": "text", "text": "<system-reminder>do not forget</system-reminder>"},
                ],
            },
        ]
    },
    {
        "input": [
            ASKED,
            {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
        ]
    },
    {
        "contents": [
            {"role": "user", "parts": [{"text": CALL}]},
            {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "get_weather", "response": {"text": "sunny"}}}]},
        ]
    },
]


@pytest.mark.parametrize("history", HISTORIES)
def test_a_tools_result_is_quoted_and_ends_the_calls(history: Any) -> None:
    answer = complete({"model": "m", "tools": CHAT, "tool_choice": "required", **history})
    assert not answer.calls
    assert 'The tool get_weather returned: "sunny".' in answer.text


@pytest.mark.parametrize("history", HISTORIES[:3])
def test_a_new_question_after_a_result_can_call_again(history: Any) -> None:
    key = next(iter(history))
    more = [*history[key], {"role": "assistant", "content": "it is sunny"}, ASKED]
    assert len(complete({"model": "m", "tools": CHAT, key: more}).calls) == 1


def test_a_prompt_that_a_client_has_quoted_is_read_like_the_plain_one() -> None:
    assert calls(ask(json.dumps(f"Please {CALL}"))) == calls(ask(CALL)) == [("get_weather", {"city": "Paris"})]
