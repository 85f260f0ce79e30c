from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flowgate.errors import CheckFailed, NotReady, UsageError
from flowgate.steps.smoke import smoke
from tests.unit.steps.conftest import fake_program, from_table, serving

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage

SAYS = "This is FlowGate's embedded upstream"
CHAT = json.dumps({"choices": [{"message": {"content": SAYS}}]})
STREAM = "data: " + json.dumps({"choices": [{"delta": {"content": SAYS}}]}) + "\n\ndata: [DONE]\n\n"
GOOD = {
    "/v1/models": json.dumps({"data": [{"id": "router-default"}]}),
    "/v1/chat/completions": CHAT,
    "/v1/messages": json.dumps({"content": [{"type": "text", "text": SAYS}]}),
    "/v1/responses": json.dumps({"output": [{"type": "message", "content": [{"type": "output_text", "text": SAYS}]}]}),
}
ARGUMENTS = json.dumps({"word": "ready"})
CALLS = {  # the nth request to a path calls the tool
    ("/v1/chat/completions", 3): {
        "choices": [{"message": {"tool_calls": [{"id": "c", "function": {"name": "x", "arguments": ARGUMENTS}}]}}]
    },
    ("/v1/messages", 2): {"content": [{"type": "tool_use", "id": "c", "name": "x", "input": {"word": "ready"}}]},
    ("/v1/responses", 2): {"output": [{"type": "function_call", "call_id": "c", "arguments": ARGUMENTS}]},
}
ALL = ["models", "chat", "stream", "messages", "responses", "chat tool", "messages tool", "responses tool"]


def ask(stage: Stage, **changed: str) -> list[str]:
    """Run the smoke test against a table of responses; return the requests that succeeded."""
    table = GOOD | {f"/v1/{path.replace('_', '/')}": text for path, text in changed.items()}
    plain = from_table(table)
    asked: Counter[str] = Counter()

    def answers(path: str) -> tuple[int, str]:
        asked[path] += 1
        if (path, asked[path]) == ("/v1/chat/completions", 2):
            return 200, changed.get("stream", STREAM)
        if call := CALLS.get((path, asked[path])):
            return 200, changed.get("call") or json.dumps(call)
        return plain(path)

    stage.supervisor.run("litellm", port=stage.ports["litellm"]).run("cliproxyapi_plus")
    with serving(answers, stage.ports["litellm"]):
        return [one["request"] for one in stage.apply(smoke)[1]["answers"]]


def test_the_embedded_upstream_gets_all_requests(stage: Stage) -> None:
    stage.prepared().messages.clear()
    assert ask(stage) == ALL
    assert [line[:17].strip() for line in stage.messages] == ALL


def test_real_accounts_get_only_free_requests(stage: Stage) -> None:
    fake_program(stage.folder / "proxy")
    stage.configure(program="./proxy").prepared()
    assert ask(stage) == ["models"]


def models(stage: Stage, *entries: tuple[str, str], **router: Any) -> Stage:
    """Replace the model list: model name → `upstream` or another server."""
    upstream = f"http://127.0.0.1:{stage.ports['upstream']}/v1"
    found: Any = [
        {"model_name": name, "litellm_params": {"model": "openai/x", "api_base": upstream if to == "upstream" else to}}
        for name, to in entries
    ]
    base: Any = {"model_list": found, "router_settings": router}
    stage.config = replace(stage.config, litellm_base=base, profiles={"balanced": {}})
    return stage.prepared()


@pytest.mark.parametrize(
    ("entries", "requested"),
    [
        ([("paid", "http://127.0.0.1:1/v1"), ("free", "upstream")], len(ALL)),
        ([("paid", "http://127.0.0.1:1/v1")], 1),
        ([("anthropic/*", "")], 1),
        ([("corp/*", "upstream")], 1),
    ],
)
def test_only_a_model_of_the_embedded_upstream_is_requested_without_live(
    stage: Stage, entries: list[tuple[str, str]], requested: int
) -> None:
    listed = json.dumps({"data": [{"id": name} for name, _ in entries]})
    assert len(ask(models(stage, *entries), models=listed)) == requested


@pytest.mark.parametrize("listed", [[], ["anthropic/claude-x"]])
def test_a_pattern_need_not_be_listed(stage: Stage, listed: list[str]) -> None:
    models(stage, ("anthropic/*", ""), model_group_alias={"far": {"model": "anthropic/x", "hidden": False}})
    assert ask(stage, models=json.dumps({"data": [{"id": one} for one in listed]})) == ["models"]


@pytest.mark.parametrize(("hidden", "missing"), [(False, True), (True, False)])
def test_an_alias_must_be_listed_unless_it_is_hidden(stage: Stage, hidden: bool, missing: bool) -> None:
    models(stage, ("paid", ""), model_group_alias={"opus": {"model": "paid", "hidden": hidden}})
    listed = json.dumps({"data": [{"id": "paid"}]})
    if not missing:
        assert ask(stage, models=listed) == ["models"]
        return
    with pytest.raises(CheckFailed, match=r"does not list opus \(names that it lists: 1\)"):
        ask(stage, models=listed)


@pytest.mark.parametrize(
    ("absent", "words"),
    [(["a"], "does not list a \\("), (["a", "b"], "a and 1 more \\("), (list("abcde"), "a and 4 more \\(")],
)
def test_one_missing_model_is_named_and_the_others_are_counted(stage: Stage, absent: list[str], words: str) -> None:
    models(stage, *((name, "") for name in absent))
    with pytest.raises(CheckFailed, match=words) as raised:
        ask(stage, models='{"data": []}')
    assert str(raised.value).count("does not list") == 1


def test_with_live_a_profile_of_patterns_alone_needs_a_name(stage: Stage) -> None:
    models(stage, ("anthropic/*", ""))
    with pytest.raises(UsageError, match="each one is a pattern"):
        stage.apply(smoke, live=True)


def test_the_smoke_test_changes_nothing(stage: Stage) -> None:
    stage.prepared()
    before = stage.tree()
    ask(stage)
    assert stage.tree() == before


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"models": '{"data": []}'}, "does not list router-default"),
        ({"models": "<html>"}, "not JSON"),
        ({"chat_completions": '{"choices": []}'}, "'chat' request failed: the chat answer contains no text"),
        ({"chat_completions": CHAT.replace("embedded", "other")}, "did not come from the embedded upstream"),
        ({"stream": "data: {}\n\n"}, "ended without"),
        ({"stream": 'data: {"error": "overloaded"}\n\n'}, "the stream broke off"),
        ({"messages": '{"content": [{"type": "tool"}]}'}, "'messages' request failed"),
        ({"responses": '{"output": []}'}, "'responses' request failed: the responses answer contains no text"),
        ({"call": CHAT}, "'chat tool' request failed: the model was told to call the tool flowgate_smoke"),
        (
            {"call": json.dumps(CALLS["/v1/chat/completions", 3]).replace("ready", "red")},
            "do not fit the tool's schema",
        ),
    ],
)
def test_an_unexpected_response_fails_and_names_the_request(stage: Stage, changed: dict[str, str], words: str) -> None:
    with pytest.raises(CheckFailed, match=words):
        ask(stage.prepared(), **changed)


def test_a_stopped_gateway_fails_with_the_command_that_starts_it(stage: Stage) -> None:
    stage.prepared().config.paths.state_file.write_text("{}")
    with pytest.raises(NotReady) as refused:
        stage.apply(smoke)
    assert refused.value.fix == "inv up"


def test_a_service_that_ends_during_the_test_is_named_with_its_log(stage: Stage) -> None:
    log = stage.prepared().runtime / "process-logs" / "cliproxyapi_plus.log"
    log.parent.mkdir(parents=True)
    log.write_text("my last words\n")
    stage.supervisor.run("litellm", port=stage.ports["litellm"]).run("cliproxyapi_plus")

    def answers(path: str) -> tuple[int, str]:
        stage.supervisor.services["cliproxyapi_plus"].clear()
        stage.supervisor.failures["cliproxyapi_plus"] = "killed by SIGKILL"
        return 502, "bad gateway"

    with serving(answers, stage.ports["litellm"]), pytest.raises(CheckFailed) as refused:
        stage.apply(smoke)
    assert "cliproxyapi_plus ended during the smoke test (killed by SIGKILL)" in refused.value.what
    assert refused.value.log == ("my last words",)
