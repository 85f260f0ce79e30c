"""The JSON Schema accepts all valid playbooks, and rejects broken ones as far as a schema can."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from flowgate.config.yaml_source import Source
from flowgate.domain import Result
from flowgate.errors import FlowGateError
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.keywords import LOOP_READERS, TASK_READERS
from flowgate.playbook.parse import BLOCK_READERS, PLAY_READERS, parse
from flowgate.playbook.schema import _READ, schema, value_schema
from flowgate.playbook.signature import describe
from flowgate.system import locations

CATALOG = Catalog(steps_in("flowgate.steps"))
VALID = Draft202012Validator(schema(CATALOG))
SHIPPED = sorted(locations.playbooks().glob("*.yml"))
BROKEN = sorted((Path(__file__).parent / "broken").glob("*.yml"))
UNSEEN = "# no schema can see this"  # first line of the files that only the check rejects


def tree(text: str) -> Any:
    """Load YAML as the parser does: dates and keys such as `on` are text."""
    source = Source(text, "x.yml")
    return source.plain(source.root, "", {}) if source.root is not None else None


def runs(text: str) -> bool:
    """Return whether a run accepts a playbook."""
    try:
        check(parse(text, "x.yml"), CATALOG, (), defaults=("profile",))
    except FlowGateError:
        return False
    return True


def test_the_schema_is_valid() -> None:
    Draft202012Validator.check_schema(schema(CATALOG))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_playbook_is_valid_and_names_the_schema(path: Path) -> None:
    text = path.read_text()
    VALID.validate(tree(text))
    VALID.validate(yaml.safe_load(text))
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    assert (
        path.parent / first.partition("=")[2]
    ).resolve() == locations.playbooks().parent / "docs/playbook.schema.json"
    assert (path.parent / first.partition("=")[2]).is_file()


def test_there_are_broken_playbooks_that_the_schema_rejects_and_that_it_accepts() -> None:
    unseen = [path for path in BROKEN if path.read_text().startswith(UNSEEN)]
    assert len(unseen) >= 8
    assert len(BROKEN) - len(unseen) >= 30


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_every_broken_playbook_is_rejected_by_a_run_and_if_possible_by_the_schema(path: Path) -> None:
    text = path.read_text()
    assert not runs(text)
    assert VALID.is_valid(tree(text)) is text.startswith(UNSEEN)


WORDS = sorted({*PLAY_READERS, *TASK_READERS, *BLOCK_READERS, *LOOP_READERS, "debug", "command", "start", "assert"})
VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    1,
    -1,
    2.5,
    "",
    "a",
    "1",
    "yes",
    "{{ 1 }}",
    "{{",
    [],
    ["a"],
    [1],
    [None],
    {},
    {"a": 1},
)


def mutated(text: str, chance: random.Random) -> str:
    """Change random values and keywords of a playbook."""
    found = yaml.safe_load(text)
    spots: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            spots.append((node, key))
            if isinstance(value, (dict, list)):
                walk(value)

    walk(found)
    for _ in range(chance.randint(1, 3)):
        node, key = chance.choice(spots)
        if isinstance(node, dict) and chance.random() < 0.6:
            node[chance.choice(WORDS)] = chance.choice(VALUES)
        elif isinstance(node, dict) and chance.random() < 0.3:
            node.pop(key, None)
        else:
            node[key] = chance.choice(VALUES)
    return yaml.safe_dump(found, sort_keys=False, allow_unicode=True)


def never_stricter(seeds: range) -> int:
    accepted = 0
    for seed in seeds:
        chance = random.Random(seed)  # noqa: S311
        text = mutated(chance.choice(SHIPPED + EXAMPLES).read_text(), chance)
        if runs(text):
            accepted += 1
            fault = best_match(VALID.iter_errors(tree(text)))
            assert fault is None, f"{seed}: a run takes this, the schema does not:\n{text}\n{fault.message[:500]}"
    return accepted


EXAMPLES = [Path(__file__).parent / "data" / "everything.yml"]


def test_the_complete_example_is_valid_and_uses_every_keyword() -> None:
    text = EXAMPLES[0].read_text()
    assert runs(text)
    VALID.validate(tree(text))
    assert [
        word for word in {*PLAY_READERS, *TASK_READERS, *BLOCK_READERS, *LOOP_READERS} if f"{word}:" not in text
    ] == []


def test_the_schema_accepts_what_a_run_accepts() -> None:
    assert never_stricter(range(600)) > 50


@pytest.mark.long
def test_the_schema_accepts_what_a_run_accepts_in_many_examples() -> None:
    assert never_stricter(range(1000, 21000)) > 2000


def test_every_reader_has_a_schema() -> None:
    readers = {*PLAY_READERS.values(), *TASK_READERS.values(), *BLOCK_READERS.values(), *LOOP_READERS.values()}
    assert [reader for reader in readers if reader not in _READ] == []


def test_every_parameter_type_has_a_schema() -> None:
    params = [param for name in CATALOG.names() for param in CATALOG.find(name).params.values()]
    free = {(param.name, param.type_text) for param in params if not value_schema(param.kind)}
    assert {text for _, text in free} <= {"any", "any | null"}


def test_the_schema_contains_the_steps_of_the_catalog() -> None:
    def greet(context: object, who: str, times: int = 1) -> Result:
        """Greet somebody."""
        return Result("unchanged", who)

    info = describe(greet)
    valid = Draft202012Validator(schema(Catalog({info.name: greet})))
    assert valid.is_valid([{"tasks": [{"greet": {"who": "you", "times": "{{ n }}"}}]}])
    assert not valid.is_valid([{"tasks": [{"greet": {"times": 1}}]}])
    assert not valid.is_valid([{"tasks": [{"greet": {"who": "you", "times": "often"}}]}])
    assert not valid.is_valid([{"tasks": [{"render": {}}]}])
