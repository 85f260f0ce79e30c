from __future__ import annotations

from flowgate.cli.checks import example_keys


def test_keys_of_our_examples_are_found_and_references_ignored() -> None:
    assert example_keys.own_keys() == {"sk-example-replace-me"}


def test_keys_of_other_documentation_are_known() -> None:
    assert {"your-api-key-2", "sk-1234", "sk-example-replace-me"} <= example_keys.known_keys()


def test_texts_have_their_paths() -> None:
    assert list(example_keys.texts({"a": ["x", 1, {"b": "y"}]})) == [("a.0", "x"), ("a.2.b", "y")]


def test_invalid_yaml_is_none() -> None:
    assert example_keys.parse_yaml("[") is None
