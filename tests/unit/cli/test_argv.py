"""The command line of `flowgate`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowgate.cli import argv
from flowgate.cli.argv import CommandLine
from flowgate.cli.argv_words import Argument
from flowgate.errors import UnknownName, UsageError

TASKS = (
    "smoke",
    "status",
    "auth.login",
    "auth.list",
    "auth.import-headless",
    "service.start",
    "profile.set",
    "profile.show",
    "bootstrap.download",
    "ask",
    "play",
    "client.run",
)


def word(name: str, short: str = "") -> Argument:
    return Argument(name, "str", True, "", "", short)


def text(name: str, short: str = "") -> Argument:
    return Argument(name, "str", False, "", "", short)


def truth(name: str, short: str = "") -> Argument:
    return Argument(name, "bool", False, False, "", short)


ARGUMENTS = {
    "status": [truth("json", "j")],
    "smoke": [text("profile", "p"), truth("keep", "k")],
    "auth.login": [word("provider"), text("timeout", "t"), text("poll-interval"), truth("open", "o")],
    "auth.import-headless": [word("provider")],
    "service.start": [text("service"), truth("now")],
    "profile.set": [word("name")],
    "profile.show": [text("name"), truth("json")],
    "ask": [word("question"), text("model", "m")],
    "client.run": [word("program"), Argument("words", "list", False, None, "", "w"), text("model", "m")],
    "play": [word("name"), Argument("extra", "list", False, None, "", "e"), text("tags")],
}


def parse(words: list[str]) -> CommandLine:
    return argv.parse(words, TASKS, lambda name: ARGUMENTS.get(name, []))


@pytest.mark.parametrize(
    "typed, calls",
    [
        ("status --json", [("status", {"json": True})]),
        ("status -j", [("status", {"json": True})]),
        ("profile set cost", [("profile.set", {"name": "cost"})]),
        ("profile.set cost", [("profile.set", {"name": "cost"})]),
        ("profile show", [("profile.show", {})]),
        ("profile show cost", [("profile.show", {"name": "cost"})]),
        ("profile show status", [("profile.show", {"name": "status"})]),
        ("profile.show status", [("profile.show", {}), ("status", {})]),
        ("profile.show cost", [("profile.show", {"name": "cost"})]),
        ("service start litellm --now", [("service.start", {"service": "litellm", "now": True})]),
        ("service.start service.start", [("service.start", {}), ("service.start", {})]),
        (
            "auth login codex --timeout 180 --poll-interval=2",
            [("auth.login", {"provider": "codex", "timeout": "180", "poll_interval": "2"})],
        ),
        ("auth codex login -ot9", [("auth.login", {"provider": "codex", "open": True, "timeout": "9"})]),
        ("auth somebody-new login", [("auth.login", {"provider": "somebody-new"})]),
        ("auth codex import-headless", [("auth.import-headless", {"provider": "codex"})]),
        ("auth import_headless codex", [("auth.import-headless", {"provider": "codex"})]),
        ("--config C auth list", [("auth.list", {})]),
        ("play up -e a=1 -eb=2 --extra=c=3", [("play", {"name": "up", "extra": ["a=1", "b=2", "c=3"]})]),
        ("ask -- --why?", [("ask", {"question": "--why?"})]),
        (
            "status smoke --keep profile set cost",
            [("status", {}), ("smoke", {"keep": True}), ("profile.set", {"name": "cost"})],
        ),
    ],
)
def test_words_become_tasks_and_values(typed: str, calls: list[tuple[str, object]]) -> None:
    assert [tuple(one) for one in parse(typed.split()).calls] == calls


@pytest.mark.parametrize("typed", ["--config C status", "--config=C status --json", "--dry --config C status --dry"])
def test_config_is_parsed_before_the_task(typed: str) -> None:
    assert parse(typed.split()).config == "C"


@pytest.mark.parametrize("typed", ["status --config C", "profile set --config=C cost", "status --json --config"])
def test_config_after_the_task_is_refused_with_its_place(typed: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(typed.split())
    assert error.value.what == "--config goes before the task"
    assert error.value.fix.startswith("inv --config PATH")


@pytest.mark.parametrize(
    "typed, words",
    [
        ("status --echo", "no effect"),
        ("status -e", "-e (--echo) has no effect"),
        ("status --hide both", "no effect"),
        ("status --hide=both", "no effect"),
        ("--pty status", "no effect"),
        ("status --warn-only", "no effect"),
        ("status --prompt-for-sudo-password", "no effect"),
        ("status -T 4", "no effect"),
        ("status --search-root /", "option of invoke"),
        ("status -l", "-l (--list) is an option of invoke"),
        ("status --version", "option of invoke"),
    ],
)
def test_options_of_invoke_are_named_as_such(typed: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        parse(typed.split())
    assert words in error.value.what
    assert error.value.fix


@pytest.mark.parametrize(
    "typed, about",
    [
        ("--help", ""),
        ("", ""),
        ("-h", ""),
        ("help", ""),
        ("help profile set", "profile.set"),
        ("help auth", "auth"),
        ("auth --help", "auth"),
        ("auth", "auth"),
        ("profile set --help", "profile.set"),
    ],
)
def test_help_works_at_every_level(typed: str, about: str) -> None:
    assert parse(typed.split()).help == about


@pytest.mark.parametrize(
    "typed, fix",
    [
        ("smok", "did you mean 'smoke'?"),
        ("profile sett cost", "did you mean 'set'?"),
        ("auth logn codex", "did you mean 'login'?"),
        ("--confg C status", "did you mean '--config'?"),
    ],
)
def test_a_misspelled_word_gets_a_suggestion(typed: str, fix: str) -> None:
    with pytest.raises(UnknownName) as error:
        parse(typed.split())
    assert error.value.fix == fix


@pytest.mark.parametrize("typed", ["--config", "--config --json status"])
def test_config_without_a_path_is_an_error(typed: str) -> None:
    with pytest.raises(UsageError, match="needs the path"):
        parse(typed.split())


@pytest.mark.parametrize(
    "words",
    [
        ["a  b", "", " ", "\t", "a\nb"],
        ['"q"', "'s'", "$(id)", "\\", "*", "~", "~nobody/x"],
        ["--", "--", "--help", "-h", "--dry", "--config", "x", "--version"],
        ["-c", 'model="x y"', "--model=m", "-m", "--words", "-w"],
        ["é", "\udcff", "\u202e", "x" * 5000, "status", "up", "-"],
        [],
    ],
)
@pytest.mark.parametrize("spelling", [["client.run"], ["client", "run"]])
def test_words_after_two_dashes_reach_the_program_as_they_are(spelling: list[str], words: list[str]) -> None:
    line = parse([*spelling, "codex", "-m", "big", "--", *words])
    assert not line.dry
    assert line.calls == (("client.run", {"program": "codex", "model": "big", "words": words}),)


def test_a_program_may_have_no_words() -> None:
    assert parse(["client.run", "codex"]).calls == (("client.run", {"program": "codex"}),)
    assert parse(["--dry", "status", "client.run", "codex", "--", "-x"]).dry


@pytest.mark.parametrize("words", [["exec"], ["exec", "--", "x"], ["-c", "x"], ["--words", "x"], ["-w"], ["status"]])
def test_words_for_the_program_without_two_dashes_are_refused(words: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        parse(["client", "run", "codex", *words])
    assert "put -- before the program's own words" in refused.value.fix


@pytest.mark.parametrize("words", [[], ["--", "codex"], ["--model", "x"]])
def test_the_program_stands_before_the_two_dashes(words: list[str]) -> None:
    with pytest.raises(UsageError, match="needs PROGRAM"):
        parse(["client", "run", *words])


@pytest.mark.parametrize("words", [["--help"], ["codex", "--help"], ["codex", "-h", "--", "x"]])
def test_help_before_the_two_dashes_is_ours(words: list[str]) -> None:
    assert parse(["client", "run", *words]).help == "client.run"


@given(
    st.lists(st.one_of(st.text(), st.sampled_from(["--", "--help", "-h", "--dry", "--config", "--model=x", "status"])))
)
def test_any_words_after_two_dashes_stay_as_they_are(words: list[str]) -> None:
    [(task, values)] = parse(["--config", "C", "client.run", "codex", "--", *words]).calls
    assert (task, values) == ("client.run", {"program": "codex", "words": words})
