"""The public API for authors of steps keeps its names and signatures."""

from __future__ import annotations

import inspect
from importlib.resources import files

import pytest

from flowgate import step

SIGNATURES = {
    "unchanged": "(message: 'str', **facts: 'Any') -> 'Result'",
    "skipped": "(message: 'str', **facts: 'Any') -> 'Result'",
    "change": (
        "(summary: 'str', apply: 'Callable[[StepContext], Facts]', *, facts: 'Facts | None' = None, "
        "changes: 'bool' = True, diff: 'Sequence[tuple[str, str, str]]' = (), unpredicted: 'str' = '') -> 'Change'"
    ),
}


def test_the_module_exports_exactly_the_public_names() -> None:
    assert step.__all__ == ["Change", "Facts", "Result", "StepContext", "change", "skipped", "unchanged"]
    assert [name for name in step.__all__ if not hasattr(step, name)] == []


@pytest.mark.parametrize("name", SIGNATURES)
def test_a_public_function_keeps_its_signature(name: str) -> None:
    assert str(inspect.signature(getattr(step, name))) == SIGNATURES[name]


def test_the_records_keep_their_fields() -> None:
    assert list(inspect.signature(step.Result).parameters) == ["status", "message", "facts"]
    wanted = ["summary", "apply", "facts", "changes", "diff", "unpredicted"]
    assert list(inspect.signature(step.Change).parameters) == wanted


def test_results_carry_their_status_and_facts() -> None:
    assert step.unchanged("ready", port=1) == step.Result("unchanged", "ready", {"port": 1})
    assert step.skipped("not here") == step.Result("skipped", "not here", {})


def test_type_checkers_may_use_the_annotations_of_the_package() -> None:
    assert files("flowgate").joinpath("py.typed").is_file()
