"""The table of keys says what the reader does."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from flowgate.config import loader as reader
from flowgate.config import services
from flowgate.config.keys import KEYS, KINDS, schema

EXAMPLES = Path(__file__).parent.parent.parent.parent / "config" / "examples"


def below(prefix: str) -> set[str]:
    """Give the names right below a dotted path."""
    return {key.path.removeprefix(prefix).partition(".")[0] for key in KEYS if key.path.startswith(prefix)}


def test_the_table_and_the_reader_know_the_same_keys() -> None:
    assert below("") == set(reader.TOP)
    assert below("services.*.") == set(services.SERVICE_KEYS)
    assert below("paths.") == {"runtime_dir", "active_config", "state_file", "log_file"}


def test_every_kind_has_a_schema() -> None:
    assert {key.kind for key in KEYS} <= set(KINDS)


@pytest.mark.parametrize("name", ["flowgate.yaml", "embedded.yaml"])
def test_the_examples_fit_the_schema_and_name_it(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    jsonschema.validate(yaml.safe_load(text), schema())
    assert text.startswith("# yaml-language-server: $schema=")


@pytest.mark.parametrize(
    "tree", [{"servces": {}}, {"services": {"litellm": {"prot": 1}}}, {"services": {"litellm": {"port": "x"}}}]
)
def test_an_editor_refuses_what_the_reader_refuses(tree: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, schema())
