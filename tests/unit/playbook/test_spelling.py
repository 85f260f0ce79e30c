"""A number keeps its spelling where text is wanted; what has two meanings is refused."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.domain import Change, Result
from flowgate.errors import FlowGateError, MultipleErrors
from flowgate.playbook.catalog import Catalog
from tests.unit.playbook.conftest import STEPS, Stage

SPELLINGS = [
    *("1e3", "0o17", "1_000", "2024-01-01", ".inf", "-.inf", ".nan", "0x1F", "12:30:45", "190:20:30.15"),
    *("1.10", "017", "0755", "-0", "+5", "1.0e+400", "0b11", ".5", "5.", "1", "1.5", "00", "9" * 300),
]


def run(context: object, argv: list[str], env: dict[str, str] | None = None) -> Result | Change:
    """Show words."""
    return Result("unchanged", "shown", {"argv": argv, "env": env or {}})


def reach(context: object, port: int = 0, seconds: float = 0.0) -> Result:
    """Show numbers."""
    return Result("unchanged", "shown", {"port": port, "seconds": seconds})


@pytest.fixture
def stage() -> Stage:
    return Stage(catalog=Catalog({**STEPS, "run": run, "reach": reach}))


def facts(stage: Stage, text: str) -> Any:
    return stage.run(text).outcomes[-1].facts


@pytest.mark.parametrize("written", SPELLINGS)
def test_a_number_among_words_is_the_text_that_was_written(stage: Stage, written: str) -> None:
    assert facts(stage, f"tasks: [run: {{argv: [a, {written}]}}]")["argv"] == ["a", written]
    assert facts(stage, f"tasks: [run: {{argv: [a], env: {{A: {written}}}}}]")["env"] == {"A": written}


@pytest.mark.parametrize("written", SPELLINGS)
def test_a_number_in_a_variable_keeps_its_spelling(stage: Stage, written: str) -> None:
    found = facts(stage, f"{{vars: {{v: {written}}}, tasks: [run: {{argv: ['{{{{ v }}}}', 'x{{{{ v }}}}']}}]}}")
    assert found["argv"] == [written, f"x{written}"]


@pytest.mark.parametrize("written", ["yes", "no", "true", "~", "null", "[a]", "{a: 1}"])
def test_what_is_no_text_is_refused_at_its_item(stage: Stage, written: str) -> None:
    with pytest.raises(FlowGateError, match=r"'run.argv.1' must be text") as refused:
        stage.check(f"tasks:\n- run: {{argv: [a, {written}]}}")
    assert refused.value.place == "play.yml:2:19"


@pytest.mark.parametrize("name", ["port", "seconds"])
@pytest.mark.parametrize("written", ["017", "1:30", "0_7", "-012", "12:30:45"])
def test_a_number_with_two_meanings_is_refused(stage: Stage, name: str, written: str) -> None:
    with pytest.raises(FlowGateError, match=f"base 10 .*, not {written}"):
        stage.check(f"tasks: [reach: {{{name}: {written}}}]")


@pytest.mark.parametrize("written, port", [("0x1F", 31), ("1_000", 1000), ("+5", 5), ("0b11", 3), ("0", 0)])
def test_a_number_with_one_meaning_is_a_number(stage: Stage, written: str, port: int) -> None:
    assert facts(stage, f"tasks: [reach: {{port: {written}}}]")["port"] == port


@pytest.mark.parametrize("keyword", ["timeout", "retries", "delay", "max_delay"])
def test_a_keyword_refuses_a_number_with_two_meanings(stage: Stage, keyword: str) -> None:
    with pytest.raises(FlowGateError, match="not 010"):
        stage.check(f"tasks: [{{ask: , {keyword}: 010}}]")


@pytest.mark.parametrize("tag", ["!vault", "!vault |", "!unsafe", "!foo", "!env", "!include", "!!binary", "!!python/x"])
def test_a_tag_is_answered_with_what_to_write_instead(stage: Stage, tag: str) -> None:
    text = f"tasks:\n- debug:\n    msg: {tag}\n      abc\n- loop: {tag.split()[0]} [x]\n  debug: \n"
    with pytest.raises(MultipleErrors) as refused:
        stage.check(text)
    about = [error for error in refused.value.errors if "the tag" in error.what]
    assert [error.place for error in about] == ["play.yml:3:10", "play.yml:5:9"]
    assert all(error.fix for error in about)
