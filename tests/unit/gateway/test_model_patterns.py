"""Names of models of all profiles, and patterns among them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowgate.config.loader import read
from flowgate.domain import Config, LiteLLMSettings
from flowgate.gateway import model_patterns
from flowgate.system import files, locations


@pytest.fixture
def config() -> Config:
    path = locations.examples() / "embedded.yaml"
    return read(files.read_text(path), path, embedded=True, read_file=files.read_text)


def test_the_names_of_all_profiles_are_known(config: Config) -> None:
    known = model_patterns.known_names(config)
    assert known is not None
    assert {"router-default", "router-cheap"} <= known


def test_where_not_all_names_are_known_none_is(config: Config) -> None:
    open_to_all = LiteLLMSettings(**config.litellm_base)
    open_to_all["general_settings"] = {"store_model_in_db": True}
    assert model_patterns.known_names(replace(config, litellm_base=open_to_all)) is None


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [("a-b", True), ("a-*", True), ("*", True), ("*b", True), ("a", False), ("A-B", False), ("a.b", False)],
)
def test_a_star_stands_for_any_text(pattern: str, matches: bool) -> None:
    assert model_patterns.matches_any(pattern, ["a-b", "c"]) is matches
