"""A gateway that asks itself is refused, however its own address is written."""

from __future__ import annotations

import pytest

from tests.unit.gateway.written import error, errors, text

OLD = '"http://127.0.0.1:8317/v1"'


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:4000/v1",
        "http://localhost:4000",
        "http://LOCALHOST:4000/v1/",
        "http://[::1]:4000/v1",
        "http://0.0.0.0:4000/v1",
        "http://user@127.0.0.1:4000/v1",
    ],
)
def test_a_model_that_asks_the_gateway_itself_is_refused(address: str) -> None:
    found = error(text().replace(OLD, f'"{address}"'))
    assert "model 'big' asks this gateway itself" in found.what
    assert (found.place, bool(found.fix)) == ("/x/f.yaml:5", True)


@pytest.mark.parametrize("address", ["http://127.0.0.1:4001/v1", "http://example.com:4000/v1", "http://10.0.0.1:4000"])
def test_other_addresses_are_accepted(address: str) -> None:
    assert errors(text().replace(OLD, f'"{address}"')) == []


def test_the_gateways_address_in_a_variable_is_refused() -> None:
    written = text().replace(OLD, "os.environ/OPENAI_BASE_URL")
    assert "asks this gateway itself" in error(written, {"OPENAI_BASE_URL": "http://127.0.0.1:4000/v1"}).what
    assert errors(written, {"OPENAI_BASE_URL": "https://example.com/v1"}) == []


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPENAI_API_BASE", "ANTHROPIC_BASE_URL"])
def test_a_variable_of_the_clients_in_the_gateways_own_environment_is_refused(name: str) -> None:
    service = f'services:\n  litellm:\n    env: {{{name}: "http://127.0.0.1:4000/v1"}}\nprofiles:'
    found = error(text().replace("profiles:", service))
    assert f"{name} sends LiteLLM's requests to this gateway itself" in found.what
    assert found.place.startswith("/x/f.yaml:")


def test_a_clients_key_in_the_place_of_a_providers_is_refused() -> None:
    written = text(key="os.environ/OPENAI_API_KEY").replace(f", api_base: {OLD}", "")
    found = error(written, {"OPENAI_API_KEY": "fg-" + "x" * 43})
    assert "is a key for a gateway, not for its provider" in found.what
    assert "unset OPENAI_API_KEY" in found.fix
    assert errors(written, {"OPENAI_API_KEY": "sk-" + "x" * 43}) == []


def test_a_clients_key_for_another_gateway_is_accepted() -> None:
    written = text(key="os.environ/OTHER_KEY").replace(OLD, '"http://10.0.0.1:4000/v1"')
    assert errors(written, {"OTHER_KEY": "fg-" + "x" * 43}) == []
