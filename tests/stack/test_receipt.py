from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.stack import receipt

DIGEST = "ab" * 32


def test_a_lock_file_is_read_as_it_was_written() -> None:
    made = receipt.Receipt(
        "v1", "me/it", "a.tar.gz", DIGEST, DIGEST, "pinned", "2026-01-01T00:00:00.000Z", {"k": DIGEST}
    )
    assert receipt.read(receipt.write(made)) == made
    assert receipt.read(receipt.write(replace(made, seen={}))) == replace(made, seen={})


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"version": 1}'])
def test_a_damaged_lock_file_says_nothing(text: str | None) -> None:
    assert receipt.read(text) is None
