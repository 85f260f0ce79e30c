"""No flag of LiteLLM's command line vanishes behind FlowGate's runner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from flowgate.domain import Config, Secret, Sourced
from flowgate.errors import FlowGateError
from flowgate.gateway.build import BuildInputs, build
from flowgate.gateway.runner_flags import faults, variables

Make = Callable[..., Config]
RUNNER = "/home/me/.router/runtime/bin/litellm"


def with_args(make: Make, *args: str, **env: str) -> Config:
    services = dict(make().services)
    services["litellm"] = replace(services["litellm"], args=(RUNNER, *args), env=env)
    place = {"services.litellm.command.args": "f.yaml:8", "services.litellm.env": "f.yaml:9"}
    return make(services=services, places=place)


def found(config: Config) -> list[FlowGateError]:
    return faults(config)


@pytest.mark.parametrize(
    ("args", "fix"),
    [
        (("--num_workers", "4"), "services.litellm.workers"),
        (("--num_workers=4",), "services.litellm.workers"),
        (("--max_requests_before_restart", "500"), "max_memory"),
        (("--request_timeout", "30"), "request_timeout"),
        (("--drop_params",), "drop_params"),
        (("--model", "gpt-5"), "model_list"),
        (("-m", "gpt-5"), "model_list"),
        (("--ssl_keyfile_path", "key.pem"), "TLS proxy"),
        (("--keepalive_timeout", "10"), "another program"),
        (("--config", "other.yaml"), "litellm_base"),
        (("-c", "other.yaml"), "litellm_base"),
        (("--config=other.yaml",), "litellm_base"),
        (("--port", "5000"), "services.litellm.port: 5000"),
        (("--host=0.0.0.0",), "services.litellm.host"),
        (("--num_wrokers", "4"), "--num_workers"),
        (("serve",), "remove it"),
    ],
)
def test_a_flag_without_effect_is_refused_with_its_replacement(config: Make, args: tuple[str, ...], fix: str) -> None:
    (fault,) = found(with_args(config, *args))
    assert fix in fault.fix
    assert fault.place == "f.yaml:8"


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--debug",),
        ("--detailed_debug",),
        ("--local",),
        ("--num_workers", "1"),
        ("--port", "4000"),
        ("--host", "127.0.0.1"),
        ("--config", ".router/runtime/litellm.active.yaml"),
        ("-c=/home/me/.router/runtime/litellm.active.yaml", "--port=4000"),
    ],
)
def test_a_flag_that_says_what_holds_is_accepted(config: Make, args: tuple[str, ...]) -> None:
    assert found(with_args(config, *args)) == []


@pytest.mark.parametrize(
    "name", ["NUM_WORKERS", "PORT", "HOST", "CONFIG_FILE_PATH", "WORKER_CONFIG", "DETAILED_DEBUG", "SSL_KEYFILE_PATH"]
)
def test_a_variable_that_stands_for_such_a_flag_is_refused(config: Make, name: str) -> None:
    (fault,) = found(with_args(config, **{name: "1"}))
    assert name in fault.what
    assert fault.place == "f.yaml:9"


def test_the_debug_flags_set_the_log_level(config: Make) -> None:
    assert variables(with_args(config, "--debug")) == {"LITELLM_LOG": "INFO"}
    changed = with_args(config, "--debug", "--detailed_debug")
    built = build(changed, Sourced("balanced", "typed"), BuildInputs({}, Secret("sk-upstream")))
    assert built.services["litellm"].program.env["LITELLM_LOG"].reveal() == "DEBUG"
