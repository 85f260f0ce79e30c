"""What an answer must contain."""

from __future__ import annotations

import pytest

from flowgate.cli import ask
from flowgate.errors import CheckFailed


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
