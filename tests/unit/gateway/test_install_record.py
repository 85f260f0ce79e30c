from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.gateway import install_record

DIGEST = "ab" * 32


def test_a_lock_file_is_read_as_it_was_written() -> None:
    made = install_record.InstallRecord(
        "v1", "me/it", "a.tar.gz", DIGEST, DIGEST, "pinned", "2026-01-01T00:00:00.000Z", {"k": DIGEST}
    )
    assert install_record.read(install_record.write(made)) == made
    assert install_record.read(install_record.write(replace(made, seen={}))) == replace(made, seen={})


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"version": 1}'])
def test_a_damaged_lock_file_is_ignored(text: str | None) -> None:
    assert install_record.read(text) is None
