"""The `services` section of the config."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.domain import Config
from flowgate.errors import FlowGateError

Reads = Callable[..., Config]
ErrorsOf = Callable[[str], list[FlowGateError]]
UPSTREAM_PORT = "{litellm: {port: 8317}, cliproxyapi_plus: {}}"
FILE = Path("/home/me/config/flowgate.yaml")


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.2", "127.0.0.999", "127.0.0.1.example.org", "'::1'", "'::'"])
def test_only_loopback_addresses_are_accepted(errors_of: ErrorsOf, host: str) -> None:
    (error,) = errors_of(f"services: {{litellm: {{host: {host}}}}}\n")
    assert "loopback" in error.what
    assert "loopback only" in error.fix


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_every_loopback_address_is_accepted(reads: Reads, host: str) -> None:
    assert reads(f"services: {{litellm: {{host: {host}}}}}\n").services["litellm"].host == host


def test_numbers_in_variables_and_args_stay_as_they_are_written(reads: Reads) -> None:
    text = "services: {cliproxyapi: {env: {A: 022, B: 1.10, C: x}, command: {args: [p, 0100]}}}\n"
    one = reads(text).services["cliproxyapi_plus"]
    assert (one.env, one.args) == ({"A": "022", "B": "1.10", "C": "x"}, ("p", "0100"))


def test_a_boolean_is_rejected_as_the_value_of_a_variable(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("services: {litellm: {env: {A: yes}}}\n")
    assert "quotes" in error.fix


@pytest.mark.parametrize("text", [UPSTREAM_PORT, "cliproxyapi_plus: {port: 4000}"])
def test_a_shared_port_is_reported_at_its_line(errors_of: ErrorsOf, text: str) -> None:
    (error,) = errors_of(f"services:\n\n  {text}\n")
    assert (error.what[:22], error.place) == ("both services use port", f"{FILE}:3")


def test_an_invalid_port_is_not_compared_with_the_other(errors_of: ErrorsOf) -> None:
    (error,) = errors_of("services: {litellm: {port: high}, cliproxyapi_plus: {port: 4000}}\n")
    assert "litellm.port" in error.what


@pytest.mark.parametrize("value", ["0", "0s", "-1", ".inf", "9" * 400 + "s", "soon", "true"])
def test_a_ready_timeout_must_be_a_duration_above_zero(errors_of: ErrorsOf, value: str) -> None:
    (error,) = errors_of(f"services: {{litellm: {{ready_timeout: {value}}}}}\n")
    assert "a duration" in error.what


def test_a_drain_timeout_may_be_zero(reads: Reads) -> None:
    assert reads("services: {litellm: {drain_timeout: 0}}\n").services["litellm"].drain_timeout == 0


@pytest.mark.parametrize("value", ["0", "-1", "0MB", "9" * 400 + "GB", "1ib", "1.5"])
def test_an_invalid_size_is_rejected(errors_of: ErrorsOf, value: str) -> None:
    (error,) = errors_of(f"services: {{litellm: {{max_memory: {value}}}}}\n")
    assert "a size" in error.what


def test_a_working_folder_is_resolved_against_the_configs_folder(reads: Reads) -> None:
    services = reads("services: {litellm: {command: {cwd: ..}}, cliproxyapi_plus: {}}\n").services
    assert (services["litellm"].cwd, services["cliproxyapi_plus"].cwd) == (Path("/home/me"), None)


@pytest.mark.parametrize("args", ["[]", "['']", "[' ', x]"])
def test_a_command_must_name_a_program(errors_of: ErrorsOf, args: str) -> None:
    (error,) = errors_of(f"services: {{litellm: {{command: {{args: {args}}}}}}}\n")
    assert error.fix.startswith("name the program first")
