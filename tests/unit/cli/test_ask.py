"""What an answer must contain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowgate.cli import ask
from flowgate.errors import CheckFailed, UsageError
from tests.unit.steps.conftest import Stage

INFO = {"id": "big-1", "access_groups": ["beta"]}


@pytest.mark.parametrize("body", [{}, {"choices": []}, [], None])
def test_an_answer_without_text_is_an_error(body: object) -> None:
    with pytest.raises(CheckFailed, match="contains no text"):
        ask._answer_text(body)


def test_a_stream_needs_its_end() -> None:
    line = 'data: {"choices": [{"delta": {"content": "hi"}}]}'
    assert list(ask._stream_text([line, "", "data: [DONE]"])) == ["hi"]
    with pytest.raises(CheckFailed, match="without"):
        list(ask._stream_text([line]))
    with pytest.raises(CheckFailed, match="broke off"):
        list(ask._stream_text(['data: {"error": "x"}']))


@pytest.fixture
def askable(tmp_path: Path) -> Callable[[str], str]:
    """Return a function that chooses the name to ask for, beside aliases, patterns and ids."""
    stage = Stage(tmp_path)
    models: Any = [
        {"model_name": "corp/*", "litellm_params": {"model": "openai/*"}},
        {"model_name": "big", "litellm_params": {"model": "openai/b"}, "model_info": INFO},
    ]
    router: Any = {"model_group_alias": {"opus": "big", "quiet": {"model": "big", "hidden": True}}}
    stage.config = replace(stage.config, litellm_base={"model_list": models, "router_settings": router})
    return lambda name: ask.requested_model(stage.context(), name)


@pytest.mark.parametrize("name", ["big", "opus", "quiet", "big-1", "corp/x", "openai/b"])
def test_every_name_that_the_gateway_answers_can_be_asked_for(askable: Callable[[str], str], name: str) -> None:
    assert askable(name) == name


def test_without_a_name_the_first_model_that_is_no_pattern_is_asked(askable: Callable[[str], str]) -> None:
    assert askable("") == "big"


@pytest.mark.parametrize(
    ("name", "fix"), [("bgi", "big"), ("opsu", "opus"), ("beta", "ask for one of its models: big"), ("zzz", "corp/*")]
)
def test_another_name_is_refused_with_those_that_exist(askable: Callable[[str], str], name: str, fix: str) -> None:
    with pytest.raises(UsageError) as refused:
        askable(name)
    assert fix in refused.value.fix
