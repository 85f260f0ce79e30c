"""A small valid config, which tests break in one place at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.config.loader import read
from flowgate.domain import Config
from flowgate.errors import FlowGateError, MultipleErrors

FILE = Path("/home/me/config/flowgate.yaml")
MODELS = "litellm_base: {model_list: [{model_name: m, litellm_params: {model: openai/x}}]}\n"
PROFILES = "profiles: {balanced: {}}\n"

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]


@pytest.fixture
def reads() -> Reads:
    """Return a function that reads a config; absent models and profiles are added."""
    return read_whole


@pytest.fixture
def errors_of() -> ErrorsOf:
    """Return a function that reads an invalid config and returns its errors."""

    def faults(text: str) -> list[FlowGateError]:
        with pytest.raises(FlowGateError) as caught:
            read_whole(text)
        return list(caught.value.errors) if isinstance(caught.value, MultipleErrors) else [caught.value]

    return faults


def read_whole(text: str) -> Config:
    text += "" if "litellm_base:" in text else MODELS
    text += "" if "profiles:" in text else PROFILES
    return read(text, FILE)
