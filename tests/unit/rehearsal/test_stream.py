"""Reading a streamed chat completion."""

from __future__ import annotations

import pytest

from flowgate.errors import CheckFailed
from flowgate.rehearsal.stream import chunk_text, chunks

HELLO = 'data: {"choices": [{"delta": {"content": "hello"}}]}'
EMPTY = 'data: {"choices": [{"delta": null, "finish_reason": "stop"}]}'


def test_the_text_of_all_chunks_is_the_answer() -> None:
    assert "".join(map(chunk_text, chunks([HELLO, "", HELLO, EMPTY, "data: [DONE]", HELLO]))) == "hellohello"


def test_a_stream_without_done_is_an_error() -> None:
    with pytest.raises(CheckFailed, match=r"without \[DONE\]"):
        list(chunks([HELLO]))


def test_an_error_in_a_stream_is_an_error() -> None:
    with pytest.raises(CheckFailed, match="broke off: overloaded"):
        list(chunks([HELLO, 'data: {"error": "overloaded"}']))
