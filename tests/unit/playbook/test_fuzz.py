"""Any text is a valid playbook, or is rejected with a location and exit code 2, without a traceback and in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowgate.errors import FlowGateError, MultipleErrors
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.parse import parse
from flowgate.system import locations

LONGEST = 5.0  # seconds of processor time for one input, on a slow machine
CATALOG = Catalog(steps_in("flowgate.steps"))
SHIPPED = {path.stem: path.read_bytes() for path in sorted(locations.playbooks().glob("*.yml"))}

WORDS = (
    *("name", "vars", "tasks", "handlers", "tags", "hosts", "when", "register", "until", "retries", "delay"),
    *("backoff", "max_delay", "loop", "loop_control", "notify", "listen", "changed_when", "failed_when", "timeout"),
    *("ignore_errors", "parallel", "force_handlers", "become", "with_items", "block", "rescue", "always"),
    *("assert", "fail", "debug", "set_fact", "set", "meta", "command", "import_tasks", "include", "wait_for", "uri"),
    *("render", "start", "msg", "that", "argv", "cmd", "file", "loop_var", "label", "a-b", "<<", ""),
)
TEXTS = st.sampled_from(
    ["x", "known", "{{ known }}", "{{ nope }}", "{{ known +", "{% for %}", "{{ 9 ** 9 ** 9 }}", "known is defined"]
    + ["nope is failed", "a.yml", "../..", "/dev/zero", "a=1 b=2", "no", "all", "never", "\x00", "é", " "]
)
PLAIN = st.none() | st.booleans() | st.integers(-3, 10**12) | st.floats() | TEXTS | st.text(max_size=6)
TREES: st.SearchStrategy[Any] = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
SHORT = st.lists(TREES, max_size=3)
TASK = st.dictionaries(st.sampled_from(WORDS), TREES, max_size=5) | st.fixed_dictionaries(
    {"block": SHORT}, optional={"rescue": SHORT, "always": SHORT, "when": TREES, "retries": TREES, "vars": TREES}
)
# Tasks that can be read, so that what checks them afterwards is met too.
CONDITIONS = st.sampled_from(["known", "nope", "known is defined", "nope is defined", "known +", "{{ known }}", "a.b"])
STEP = st.sampled_from(["debug", "fail", "assert", "set_fact", "render", "start", "wait_healthy", "smoke", "dbug"])
PARAMS = st.dictionaries(
    st.sampled_from(["msg", "that", "timeout", "service", "profile", "x", "a-b"]), TREES, max_size=3
)
RIGHT = {
    "when": CONDITIONS | st.lists(CONDITIONS, max_size=3),
    "until": CONDITIONS,
    "retries": st.integers(0, 5) | st.just("{{ nope }}"),
    "delay": st.integers(0, 5),
    "loop": st.lists(PLAIN, max_size=3) | st.sampled_from(["{{ known }}", "{{ nope }}", "{{ item }}"]),
    "register": st.sampled_from(["r", "known", "item"]),
    "name": st.sampled_from(["a task", "{{ item }}", "{{ r.x }}", "{{ nope", ""]),
    "tags": st.lists(st.sampled_from(["a", "never", "always"]), max_size=2),
    "vars": st.dictionaries(st.sampled_from(["a", "known", "nope"]), TEXTS, max_size=2),
}


def likely(step: str, params: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """Write one task with keywords in their correct places."""
    return {**words, step: params}


LIKELY: st.SearchStrategy[Any] = st.recursive(
    st.builds(likely, STEP, PARAMS, st.fixed_dictionaries({}, optional=RIGHT)),
    lambda inner: st.fixed_dictionaries(
        {"block": st.lists(inner, min_size=1, max_size=3)},
        optional={"rescue": st.lists(inner, max_size=2), "always": st.lists(inner, max_size=2), "when": RIGHT["when"]},
    ),
    max_leaves=5,
)
TASKS = st.lists(TASK, max_size=4) | TREES
PLAY = st.fixed_dictionaries(
    {"tasks": TASKS}, optional={"vars": TREES, "tags": TREES, "handlers": TASKS, "name": TREES, "hosts": PLAIN}
)
READABLE = st.fixed_dictionaries(
    {"tasks": st.lists(LIKELY, max_size=4)}, optional={"vars": RIGHT["vars"], "tags": RIGHT["tags"]}
)
SCRAPS = [*b"{}[]:-&*!|>'\"%@`#?,\t\n\x00\x80\xff~ 0"]
BYTE = st.sampled_from(SCRAPS) | st.integers(0, 255)
EDITS = st.lists(
    st.tuples(st.integers(0, 4000), st.integers(0, 12), st.lists(BYTE, max_size=6)), min_size=1, max_size=6
)


def faults(text: str) -> tuple[FlowGateError, ...]:
    """Parse and check a text, and return the error; None when it is valid."""
    try:
        check(parse(text, "f.yml"), CATALOG, ("typed",), defaults=("known", "profile"))
    except FlowGateError as error:
        return (error, *error.errors) if isinstance(error, MultipleErrors) else (error,)
    return ()


def survives(text: str) -> None:
    """Parse and check a text; each error has exit code 2 and a location, and the check ends in time."""
    began = time.process_time()
    found = faults(text)
    assert time.process_time() - began < LONGEST
    assert all(one.code == 2 and one.what for one in found), found
    assert all(one.place.startswith("f.yml:") for one in found if not isinstance(one, MultipleErrors)), found


def structured(many: int) -> Callable[[], None]:
    """Create a test with well-formed plays and random values."""
    from yaml import CSafeDumper, dump

    @settings(max_examples=many, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(PLAY, min_size=1, max_size=2) | st.lists(READABLE, min_size=1, max_size=2))
    def attempt(plays: list[Any]) -> None:
        survives(dump(plays, Dumper=CSafeDumper, allow_unicode=True))

    return attempt


def damaged(many: int) -> Callable[[], None]:
    """Create a test with shipped playbooks in which a few bytes are overwritten."""

    @settings(max_examples=many, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(sorted(SHIPPED)), EDITS)
    def attempt(name: str, edits: list[tuple[int, int, list[int]]]) -> None:
        text = SHIPPED[name]
        for start, length, scrap in edits:
            start %= len(text) + 1
            text = text[:start] + bytes(scrap) + text[start + length :]
        survives(text.decode(errors="surrogateescape"))

    return attempt


KINDS = pytest.mark.parametrize("kind", [structured, damaged])
SAMPLE = {"structured": 250, "damaged": 750}  # a structured input takes ten times as long
ROUND = 1000  # hypothesis keeps all inputs of a round in memory
ROUNDS = {"structured": 20, "damaged": 80}


@KINDS
def test_no_playbook_crashes_the_parser(kind: Callable[[int], Callable[[], None]]) -> None:
    kind(SAMPLE[kind.__name__])()


@KINDS
@pytest.mark.long
def test_none_of_a_hundred_thousand_playbooks_crashes_the_parser(kind: Callable[[int], Callable[[], None]]) -> None:
    for _ in range(ROUNDS[kind.__name__]):
        kind(ROUND)()


@pytest.mark.parametrize("name", SHIPPED)
def test_every_playbook_is_valid_before_it_is_damaged(name: str) -> None:
    path = locations.playbooks() / f"{name}.yml"
    check(parse(path.read_text(encoding="utf-8"), str(path)), CATALOG, (), defaults=("profile",))
