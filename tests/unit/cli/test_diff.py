from __future__ import annotations

import pytest

from flowgate.cli.diff import LINES, diff_lines, mask_secrets, show_diff, show_unpredicted
from flowgate.domain import Outcome


def outcome(**fields: object) -> Outcome:
    about: dict[str, object] = {"task": "t", "step": "s", "status": "changed", "message": "", "seconds": 0.0}
    return Outcome(**(about | {"place": "p.yml:2:3"} | fields))  # type: ignore[arg-type]


def test_lines_that_differ_are_listed() -> None:
    assert list(diff_lines("f", "a\nb\n", "a\nc\n")) == ["--- f", "+++ f", "@@ -1,2 +1,2 @@", " a", "-b", "+c"]


def test_a_new_file_is_marked() -> None:
    assert list(diff_lines("f", "", "a")) == ["--- f (new)", "+++ f", "@@ -0,0 +1 @@", "+a"]


def test_a_changed_secret_is_listed_and_masked() -> None:
    lines = list(diff_lines("f", "api_key: sk-aaaa1111", "api_key: sk-bbbb2222"))
    assert lines[-2:] == ["-api_key: …", "+api_key: …"]


@pytest.mark.parametrize(
    "line, shown",
    [
        ("  password: hunter2 # note", "  password: … # note"),
        ('  "management_token": "abc",', '  "management_token": "…",'),
        ("master_key: os.environ/LITELLM_MASTER_KEY", "master_key: os.environ/LITELLM_MASTER_KEY"),
        ("MANAGEMENT_PASSWORD=abc", "MANAGEMENT_PASSWORD=…"),
        ("secret-key: 'a b'", "secret-key: '…'"),
        ("max_tokens: 5", "max_tokens: 5"),
        ("see sk-abc_DEF-1 there", "see sk-… there"),
    ],
)
def test_secrets_are_masked(line: str, shown: str) -> None:
    assert mask_secrets(line) == shown


def test_a_long_diff_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    show_diff(outcome(diff=(("f", "", "a\n" * 1000),)))
    printed = capsys.readouterr().err.splitlines()
    assert (len(printed), printed[-1]) == (LINES + 1, "    … and 603 more lines")


def test_unpredicted_tasks_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    show_unpredicted([outcome(), outcome(task="u", unpredicted="runs a command")])
    assert capsys.readouterr().err.splitlines() == [
        "? check mode cannot predict 1 task:",
        "    u (p.yml:2:3): runs a command",
    ]


def test_nothing_is_listed_when_every_task_is_predicted(capsys: pytest.CaptureFixture[str]) -> None:
    show_unpredicted([outcome()])
    assert capsys.readouterr().err == ""
