"""Secrets in a log that a program goes on to write are hidden where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.system.log_redaction import MOST_BYTES, pattern, redact

SECRETS = pattern(["management-canary", "short", ""])


@pytest.mark.parametrize(
    ("line", "hidden"),
    [
        ("key=management-canary!", "key=*****************!"),
        ('api_key:"sk-live-0123456789"', 'api_key:"sk-***************"'),
        ("short sk-1 task-0123456789 a-risk-0123456789", None),
        ("üsk-0123456789 €", "üsk-********** €"),
    ],
)
def test_known_secrets_and_keys_are_hidden_at_their_place(tmp_path: Path, line: str, hidden: str | None) -> None:
    log, text = tmp_path / "log", f"before\n{line}\nafter\n"
    log.write_text(text)
    with log.open("ab") as program:  # it keeps the log open
        end = redact(log, 0, SECRETS)
        program.write(b"more\n")
    assert (end, log.read_text()) == (
        len(f"before\n{line}\nafter\n".encode()),
        f"before\n{hidden or line}\nafter\nmore\n",
    )


def test_a_line_that_is_not_complete_waits(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("one\nkey=management-")
    end = redact(log, 0, SECRETS)
    log.write_text("one\nkey=management-canary\n")
    assert redact(log, end, SECRETS) == len("one\nkey=management-canary\n")
    assert "canary" not in log.read_text()


def test_a_log_that_was_begun_anew_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("sk-0123456789\n")
    redact(log, 10_000, SECRETS)
    assert log.read_text() == "sk-**********\n"


def test_a_large_log_is_read_in_parts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * (MOST_BYTES + 100) + b"\nmanagement-canary\n")
    end = redact(log, 0, SECRETS)
    assert end == MOST_BYTES
    assert redact(log, end, SECRETS) == log.stat().st_size
    assert b"canary" not in log.read_bytes()


def test_what_is_no_log_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert [redact(tmp_path / name, 5, SECRETS) for name in ("folder", "missing")] == [0, 0]
