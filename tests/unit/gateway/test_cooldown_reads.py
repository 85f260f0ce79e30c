"""How often a worker reads the cooldowns of others: FlowGate's value, the user's own, and what LiteLLM makes of it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.domain import Config, Program, Sourced
from flowgate.gateway import build, cooldown_reads, policy_summary
from flowgate.gateway.environment import Variables

REDIS: dict[str, Any] = {"redis_host": "127.0.0.1", "redis_port": 6379}
VARIABLE = cooldown_reads.VARIABLE
PORTS = {"litellm": 4000, "cliproxyapi_plus": 8317}


def config(folder: Path, router: Any, own: str | None = None, workers: int = 1, other: Any = None) -> Config:
    env = {} if own is None else {VARIABLE: own}
    entry = {"model_name": "one", "litellm_params": {"model": "openai/big", "api_base": "http://127.0.0.1:1/v1"}}
    tree = {
        "services": {"litellm": {"workers": workers, **({"env": env} if env else {})}},
        "litellm_base": {"model_list": [entry, {**entry, "model_name": "two"}], "router_settings": router},
        "profiles": {
            "p": {"router_settings": {"allowed_fails": 1}},
            "other": {"router_settings": {"num_retries": 0, **(other or {})}},
        },
    }
    return read(yaml.safe_dump(tree), folder / "flowgate.yaml")


def program(made: Config) -> Program:
    stack = build.build(made, Sourced("p", "typed"), build.BuildInputs(PORTS, None))
    variables = Variables({VARIABLE: "77"}, made.file.parent, lambda path: None)  # of the shell: not inherited
    return variables.for_program(stack.services["litellm"], made.services["litellm"])


def value(made: Config) -> str | None:
    found = program(made).env.get(VARIABLE)
    return found.reveal() if found else None


@pytest.mark.parametrize("router", [REDIS, {"redis_url": "redis://r"}, {"redis_host": "os.environ/HOST"}])
def test_with_a_redis_server_the_worker_and_its_imports_get_the_shorter_time(tmp_path: Path, router: Any) -> None:
    made = config(tmp_path, router)
    fork_server = program(made).fork_server
    assert value(made) == "0.1"
    assert fork_server is not None
    assert VARIABLE in fork_server.import_variables


def test_the_locked_litellm_reads_this_variable_and_has_a_second_of_its_own() -> None:
    found = importlib.util.find_spec("litellm")
    assert found is not None
    constants = (Path(found.origin or "").parent / "constants.py").read_text()
    assert f'{VARIABLE}: Final = get_env_float("{VARIABLE}", {cooldown_reads.LIBRARY_SECONDS})' in constants


def test_a_switch_between_profiles_with_and_without_a_redis_server_needs_no_other_import(tmp_path: Path) -> None:
    made = config(tmp_path, {"num_retries": 1}, other=REDIS)
    policy = build.compile_policy(made, "p", build.BuildInputs(PORTS, None))
    assert value(made) == "0.1"
    assert not any(VARIABLE in one for one in policy.changes)  # this profile has no cooldowns of others to read


def test_without_a_redis_server_nothing_is_set_and_nothing_is_said(tmp_path: Path) -> None:
    made = config(tmp_path, {"num_retries": 1})
    policy = build.compile_policy(made, "p", build.BuildInputs(PORTS, None))
    assert value(made) is None
    assert not any(VARIABLE in one for one in policy.changes)


@pytest.mark.parametrize(
    ("own", "seconds"),
    [("1", 1), ("0.25", 0.25), (" 2.5 ", 2.5), ("0", 10), ("", 1), ("soon", 1), ("-3", 0), ("nan", 1e9), ("inf", 1e9)],
)
def test_your_own_value_is_kept_and_what_litellm_makes_of_it_is_said(tmp_path: Path, own: str, seconds: float) -> None:
    made = config(tmp_path, REDIS, own)
    policy = build.compile_policy(made, "p", build.BuildInputs(PORTS, None))
    assert value(made) == own
    assert policy.promises.read_again_seconds == seconds
    assert any(f"{VARIABLE} is kept: each worker reads" in one for one in policy.changes)
    assert not any(f"{VARIABLE}: 0.1 is added" in one for one in policy.changes)


def test_a_value_of_a_variable_is_taken_for_litellms_own(tmp_path: Path) -> None:
    assert cooldown_reads.seconds(config(tmp_path, REDIS, "os.environ/READ_AGAIN")) == 1


def test_what_flowgate_sets_is_said_with_the_reason(tmp_path: Path) -> None:
    policy = build.compile_policy(config(tmp_path, REDIS), "p", build.BuildInputs(PORTS, None))
    said = [one for one in policy.changes if VARIABLE in one]
    why = "each worker would read the cooldowns of others only once a second"
    assert said == [f"services.litellm.env.{VARIABLE}: 0.1 is added: {why}"]


@pytest.mark.parametrize(("own", "words"), [(None, "of a cooldown within 0.1 s"), ("3", "of a cooldown within 3 s")])
def test_workers_that_share_cooldowns_promise_the_time_in_force(tmp_path: Path, own: str | None, words: str) -> None:
    policy = build.compile_policy(config(tmp_path, REDIS, own, workers=2), "p", build.BuildInputs(PORTS, None))
    (said,) = [one for one in policy_summary.describe(policy) if "share failures and cooldowns" in one]
    assert words in said
    assert "find it after 2 failed requests, closer ones after up to 3" in said


def test_programs_with_another_time_are_different_programs(tmp_path: Path) -> None:
    assert program(config(tmp_path, REDIS)).digest != program(config(tmp_path, REDIS, "1")).digest
