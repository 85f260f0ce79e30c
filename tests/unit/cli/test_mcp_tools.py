"""Arguments of tools become words of commands; wrong ones are refused before a command starts."""

from __future__ import annotations

import asyncio

import jsonschema
import pytest

from flowgate.cli.argv import parse
from flowgate.cli.help import describe_task
from flowgate.cli.main import load_tasks
from flowgate.cli.mcp_calls import Calls, Refused
from flowgate.cli.mcp_tools import CHANGING, READING, tools
from flowgate.errors import UsageError

ALL = tools(allow_changes=True)
SAMPLES: dict[str, object] = {"string": "2h", "integer": 3, "boolean": True}
WRONG: list[tuple[str, dict[str, object], str]] = [
    ("usage", {"by": "colour"}, "must be one of"),
    ("usage", {"since": "--config=x"}, "begins with no '-'"),
    ("usage", {"since": ""}, "a text"),
    ("usage", {"since": "a\nb"}, "a text"),
    ("usage", {"since": 7}, "a text"),
    ("explain", {"last": True}, "whole number"),
    ("explain", {"last": 0}, "whole number"),
    ("explain", {"failed": "yes"}, "true or false"),
    ("events", {"line": 3}, "'line'"),
    ("profile_diff", {"old": "cost"}, "'new' is missing"),
    ("cooldown_clear", {}, "'name' is missing"),
    ("service_restart", {"service": "dashboard"}, "must be one of"),
]


@pytest.mark.parametrize(("name", "given", "words"), WRONG)
def test_a_wrong_argument_is_refused_by_the_check_and_by_the_schema(
    name: str, given: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        ALL[name].command(given)
    if given.get("since") != "a\nb":
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(given, ALL[name].schema())


def test_a_refusal_has_the_sentence_and_the_fix() -> None:
    found = asyncio.run(Calls("", ALL).call("events", {"line": 3}))
    assert found == Refused("error: no argument is called 'line'\n  fix: did you mean 'lines'?")


@pytest.mark.parametrize("name", ALL)
def test_the_words_are_those_of_a_command_that_exists(name: str) -> None:
    tool, collection = ALL[name], load_tasks()
    given = {
        one: argument.choices[0] if argument.choices else SAMPLES[argument.kind]
        for one, argument in tool.arguments.items()
    }
    names = {one.replace("_", "-") for one in collection.task_names}
    form = ["--json"] if tool.document else []
    line = parse([*tool.command(given), *form], names, lambda task: describe_task(collection, task).arguments)
    assert len(line.calls) == 1
    jsonschema.validate(given, tool.schema())


def test_only_what_changes_needs_permission() -> None:
    assert tools(allow_changes=False) == READING
    assert not any(one.changes for one in READING.values())
    assert all(one.changes for one in CHANGING.values())
