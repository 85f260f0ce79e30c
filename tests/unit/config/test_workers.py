"""services.litellm.workers: a number, or auto."""

from __future__ import annotations

import pytest

from flowgate.domain.config import AUTO_WORKERS
from flowgate.errors import FlowGateError
from tests.unit.config.conftest import read_whole


def workers(text: str) -> int:
    return read_whole(f"services: {{litellm: {{workers: {text}}}}}\n").services["litellm"].workers


@pytest.mark.parametrize(("text", "count"), [("1", 1), ("2", 2), ("64", 64), ("auto", AUTO_WORKERS)])
def test_a_number_or_auto_is_read(text: str, count: int) -> None:
    assert workers(text) == count


@pytest.mark.parametrize("text", ["0", "65", "-1", "true", "'2'", "2.0", "many", "null", "[2]", "AUTO"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(FlowGateError, match="workers"):
        workers(text)


@pytest.mark.parametrize("text", ["2", "auto"])
def test_cliproxyapiplus_is_one_process(text: str) -> None:
    with pytest.raises(FlowGateError, match="workers"):
        read_whole(f"services: {{cliproxyapi_plus: {{workers: {text}}}}}\n")
