"""The command line of `flowgate`."""

from __future__ import annotations

import pytest

from flowgate.cli.argv import parse
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
)


@pytest.mark.parametrize(
    "typed, argv",
    [
        ("status --json", "status --json"),
        ("profile set cost", "profile.set cost"),
        ("profile.set cost", "profile.set cost"),
        ("profile show", "profile.show"),
        ("profile show cost", "profile.show --name cost"),
        ("service start", "service.start"),
        ("service start litellm --now", "service.start --service litellm --now"),
        ("auth login codex --timeout 180 --poll-interval 2", "auth.login codex --timeout 180 --poll-interval 2"),
        ("auth codex login --timeout 9", "auth.login codex --timeout 9"),
        ("auth copilot login", "auth.login copilot"),
        ("auth somebody-new login", "auth.login somebody-new"),
        ("auth codex import-headless", "auth.import-headless codex"),
        ("auth import_headless codex", "auth.import-headless codex"),
        ("--config C auth list", "auth.list"),
    ],
)
def test_words_are_rewritten_for_invoke(typed: str, argv: str) -> None:
    assert list(parse(typed.split(), TASKS).argv) == argv.split()


@pytest.mark.parametrize("typed", ["--config C status", "--config=C status"])
def test_config_is_parsed_before_the_task(typed: str) -> None:
    assert parse(typed.split(), TASKS).config == "C"


@pytest.mark.parametrize(
    "typed, about",
    [
        ("--help", ""),
        ("", ""),
        ("-h", ""),
        ("auth --help", "auth"),
        ("auth", "auth"),
        ("profile set --help", "profile.set"),
    ],
)
def test_help_works_at_every_level(typed: str, about: str) -> None:
    assert parse(typed.split(), TASKS).help == about


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
        parse(typed.split(), TASKS)
    assert error.value.fix == fix


@pytest.mark.parametrize("typed", ["--config", "--config --json status"])
def test_config_without_a_path_is_an_error(typed: str) -> None:
    with pytest.raises(UsageError, match="needs the path"):
        parse(typed.split(), TASKS)
