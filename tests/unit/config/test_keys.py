"""The table of config keys: the reader and the JSON Schema agree on it."""

from __future__ import annotations

from functools import reduce
from pathlib import Path

import jsonschema
import pytest
import yaml

from flowgate.config.keys import KEYS, Key, schema
from flowgate.config.remote_upstream import KEYS as REMOTE
from flowgate.errors import FlowGateError
from tests.unit.config.conftest import read_whole

EXAMPLES = Path(__file__).parent.parent.parent.parent / "config" / "examples"
MODELS = {"model_list": [{"model_name": "m", "litellm_params": {"model": "openai/x"}}]}
SAMPLES: dict[str, object] = {
    **dict.fromkeys(("path", "URL path"), "/a"),
    "loopback address": "127.0.0.1",
    "port": 9000,
    "server address": "https://a.example",
    "reference": "os.environ/A",
    "variable name": "A",
    "repository": "a/b",
    "release tag": "v1",
    "SHA-256": "ab" * 32,
    "list of strings": ["a"],
    "list of paths": ["a"],
    "list of URLs": ["https://a"],
    "list of services": [],
    "duration": "10s",
    "size": "1GiB",
    "days": 30,
    "megabytes": 100,
    "truth value": False,
    "client": "ci",
    "profile": "balanced",
    "dollars": 1.5,
    "requests": 5,
    "percent": 50,
    "act": "refuse",
    "worker count": 2,
    "request count": 200,
    "version": 2,
    "restart policy": "never",
    "login method": "device",
    "variables": {"A": "b"},
    "mapping": {"a": "b"},
    "model names": {"claude-*": "m"},
    "LiteLLM settings": MODELS,
}
WRONG: dict[str, object] = {**dict.fromkeys(SAMPLES, 7.5), "duration": [1], "dollars": 0}


def document(key: Key, value: object) -> dict[str, object]:
    parts = key.path.replace("services.*", "services.litellm").replace("*", "name").split(".")
    found = reduce(lambda inner, part: {part: inner}, reversed(parts), value)
    if parts[-1] in REMOTE:
        remote = {"remote": "https://a.example", "key": "os.environ/A", parts[-1]: value}
        return {"services": {"cliproxyapi_plus": remote}}
    if parts[0] == "budgets":
        return {"budgets": {"name": {"monthly_usd": 9.0, parts[-1]: value}}}
    return found if isinstance(found, dict) else {}


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_reader_and_schema_accept_every_key(key: Key) -> None:
    tree = document(key, SAMPLES[key.kind])
    jsonschema.validate(tree, schema())
    assert read_whole(yaml.safe_dump(tree))


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_reader_and_schema_reject_a_wrong_value_of_every_key(key: Key) -> None:
    tree = document(key, WRONG[key.kind])
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, schema())
    with pytest.raises(FlowGateError):
        read_whole(yaml.safe_dump(tree))


@pytest.mark.parametrize("name", ["flowgate.yaml", "embedded.yaml", "api-keys.yaml"])
def test_the_examples_match_the_schema_and_name_it(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    jsonschema.validate(yaml.safe_load(text), schema())
    assert text.startswith("# yaml-language-server: $schema=")


@pytest.mark.parametrize("tree", [{"servces": {}}, {"services": {"litellm": {"prot": 1}}}])
def test_reader_and_schema_reject_unknown_keys(tree: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tree, schema())
    with pytest.raises(FlowGateError):
        read_whole(yaml.safe_dump(tree))
