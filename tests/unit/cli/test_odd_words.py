"""Words that can be no value end the command before anything runs, with one sentence."""

from __future__ import annotations

import pytest

from flowgate.cli import argv
from flowgate.cli.argv_words import Argument, Values
from flowgate.cli.dry_run import refuse_changes
from flowgate.errors import UsageError

ARGUMENTS = [
    Argument("name", "str", True, "", ""),
    Argument("profile", "str", False, "", "", "p"),
    Argument("keep", "bool", False, False, "", "k"),
    Argument("extra", "list", False, None, "", "e"),
]
TASKS = ("play", "profile.set", "status")


def parse(*words: str) -> argv.CommandLine:
    return argv.parse(words, TASKS, lambda name: ARGUMENTS if name != "status" else [])


ODD = ["", " ", "\t", "a\nb", "a\x00b", "\x1b[31m", "\udcff", "x" * 5000, "a/" * 4000, "é" * 200, "\x7f"]


@pytest.mark.parametrize("odd", ODD, ids=ascii)
@pytest.mark.parametrize("at", ["name", "flag", "equals", "short", "config", "late config"])
def test_odd_values_are_refused(odd: str, at: str) -> None:
    words = {
        "name": ("play", odd),
        "flag": ("play", "up", "--profile", odd),
        "equals": ("play", "up", f"--profile={odd}"),
        "short": ("play", "up", "-p", odd),
        "config": ("--config", odd, "status"),
        "late config": ("status", "--config", odd),
    }[at]
    with pytest.raises(UsageError) as error:
        parse(*words)
    assert str(error.value).isprintable()
    assert len(str(error.value)) < 300


@pytest.mark.parametrize(
    "typed",
    [
        "play up --profile",
        "play up --profile --keep",
        "play up --profile a --profile b",
        "play up --keep --keep",
        "play up --keep=yes",
        "play",
        "play up extra",
        "status --echo",
        "status --prompt-for-sudo-password",
        "status --",
        "status -- x",
        "--config a --config b status",
        "--config",
        "status --config",
        "--prof",
        "-x",
        "play up -x",
        "play up -kx",
        "profile",
        "profile sett x",
        "profile.sett x",
        ". x",
        "=",
        "--=",
    ],
)
def test_mistakes_are_refused(typed: str) -> None:
    if typed in ("profile", "status --"):
        parse(*typed.split())
        return
    with pytest.raises(UsageError):
        parse(*typed.split())


def test_a_long_list_is_no_long_name() -> None:
    names = ",".join(f"profile-{number}" for number in range(99))
    assert parse("play", "up", "--profile", names).calls[0].values["profile"] == names


@pytest.mark.parametrize("value", ["a=1\nb=2", "{a: " + "x" * 6000 + "}", "-e", "a=-1"])
def test_variables_may_be_any_text(value: str) -> None:
    assert parse("play", "up", f"--extra={value}").calls[0].values["extra"] == [value]


@pytest.mark.parametrize(
    "task, values, allowed",
    [
        ("up", {}, True),
        ("service.restart", {"service": "all"}, True),
        ("status", {}, True),
        ("doctor", {}, True),
        ("doctor", {"fix": True}, False),
        ("cooldowns", {"clear": "a"}, False),
        ("init", {}, False),
        ("auth.login", {"provider": "codex"}, False),
        ("clean", {}, False),
        ("ask", {"question": "?"}, False),
    ],
)
def test_dry_runs_only_what_has_check_mode(task: str, values: Values, allowed: bool) -> None:
    calls = [argv.Call(task, values)]
    if allowed:
        refuse_changes(calls)
        return
    with pytest.raises(UsageError, match="check mode"):
        refuse_changes(calls)
