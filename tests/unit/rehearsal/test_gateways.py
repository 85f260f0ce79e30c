"""A rehearsal of several gateways: their programs, the Redis server that they share, and what they promise together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowgate.config.loader import read
from flowgate.context import StepContext
from flowgate.domain import Config, Program
from flowgate.errors import UsageError
from flowgate.gateway.litellm_declarations import Declarations
from flowgate.rehearsal import private_redis, summary
from flowgate.rehearsal.config import LOOPBACK
from flowgate.rehearsal.plan import Plan, make_plan, omitted_settings
from flowgate.rehearsal.private_stack import PrivateStack
from flowgate.rehearsal.scenarios import SCENARIOS
from tests.unit.rehearsal.results import profile, rehearsal, scenario
from tests.unit.steps.conftest import Stage

REDIS = {"redis_host": "redis.internal", "redis_port": 6379, "redis_password": "os.environ/REDIS_PASSWORD"}
ROUTER = {"num_retries": 1, "allowed_fails": 1, "cooldown_time": 30, "timeout": 20}


def config(folder: Path, own_upstream: bool, **router: Any) -> Config:
    base = "http://127.0.0.1:8317/v1" if own_upstream else "https://vendor.example/v1"
    entry = {"model": "openai/big", "api_base": base, "api_key": "os.environ/VENDOR_KEY"}
    tree = {
        "paths": {"runtime_dir": ".router/runtime"},
        "services": {
            "litellm": {"command": {"args": [".router/runtime/bin/litellm"]}},
            "cliproxyapi_plus": {"command": {"args": [".router/runtime/bin/embedded-upstream"]}},
        },
        "litellm_base": {"model_list": [{"model_name": "one", "litellm_params": entry}]},
        "profiles": {"balanced": {"router_settings": {**ROUTER, **router}}},
    }
    return read(yaml.safe_dump(tree), folder / "flowgate.yaml")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A folder with a program called redis-server."""
    (tmp_path / "redis-server").touch(mode=0o755)
    return tmp_path


def context(stage: Stage, made: Config, path: Path) -> StepContext:
    stage.config = made
    return replace(stage.context(), environment={"PATH": str(path)})


def plan(stage: Stage, made: Config, tools: Path, gateways: int = 2) -> Plan:
    found = make_plan(context(stage, made, tools), "balanced", litellm_only=False, as_written=False, gateways=gateways)
    return replace(found, policy=replace(found.policy, declared=Declarations(version="1.108.7")))


def described(stage: Stage, made: Config, tools: Path, gateways: int = 2) -> list[Program]:
    stack = PrivateStack(context(stage, made, tools), plan(stage, made, tools, gateways), tools / "private")
    return stack.programs(SCENARIOS["500"], None)


def settings(program: Program) -> Any:
    return yaml.safe_load(program.documents[0][1])


@pytest.mark.parametrize(
    ("gateways", "own_upstream", "router", "failed"),
    [
        (1, False, REDIS, 2),
        (2, False, {}, 4),
        (2, False, REDIS, 3),
        (3, False, REDIS, 4),
        (2, True, REDIS, 4),  # the accounts are not shared
        (3, True, {}, 6),
    ],
)
def test_the_promises_are_those_of_all_gateways(
    stage: Stage, tools: Path, gateways: int, own_upstream: bool, router: Any, failed: int
) -> None:
    made = plan(stage, config(tools, own_upstream, **router), tools, gateways)
    assert made.promises.failed_until_cooldown == failed


def test_an_older_litellm_does_not_count_together(stage: Stage, tools: Path) -> None:
    made = plan(stage, config(tools, False, **REDIS), tools)
    older = replace(made, policy=replace(made.policy, declared=Declarations(version="1.106.2")))
    assert older.promises.failed_until_cooldown == 4


def test_each_gateway_has_its_own_programs_and_all_have_one_redis_server(stage: Stage, tools: Path) -> None:
    redis, first_upstream, first, second_upstream, second = described(stage, config(tools, True, **REDIS), tools)
    assert (redis.service, first.service, second.service) == ("redis-500", "litellm-500", "litellm-500-2")
    assert (first_upstream.service, second_upstream.service) == ("cliproxyapi_plus-500", "cliproxyapi_plus-500-2")
    assert len({one.port for one in (redis, first_upstream, first, second_upstream, second)}) == 5
    assert first.documents[0][0].parent != second.documents[0][0].parent
    for one in (first, second):
        router = settings(one)["router_settings"]
        assert (router["redis_host"], router["redis_port"]) == ("127.0.0.1", redis.port)
        assert "redis_password" not in router


def test_gateways_with_different_keys_give_a_deployment_the_same_id(stage: Stage, tools: Path) -> None:
    first, second = [one for one in described(stage, config(tools, False, **REDIS), tools) if one.app]
    ids = [settings(one)["model_list"][0]["model_info"]["id"] for one in (first, second)]
    assert ids[0] == ids[1]
    assert first.env["UPSTREAM_API_KEY"].reveal() != second.env["UPSTREAM_API_KEY"].reveal()


def test_the_cooldowns_of_others_are_read_as_often_as_times_are_scaled(stage: Stage, tools: Path) -> None:
    made = config(tools, False, **REDIS)
    gateway = next(one for one in described(stage, made, tools) if one.app)
    seconds = float(gateway.env["DEFAULT_COOLDOWN_REDIS_READ_INTERVAL_SECONDS"].reveal())
    assert seconds == pytest.approx(0.1 * plan(stage, made, tools).scale, abs=0.0001)
    assert gateway.fork_server is not None
    assert "DEFAULT_COOLDOWN_REDIS_READ_INTERVAL_SECONDS" in gateway.fork_server.import_variables


@pytest.mark.parametrize(("gateways", "router"), [(1, REDIS), (2, {})])
def test_no_redis_server_runs_for_one_gateway_or_without_one_in_the_profile(
    stage: Stage, tools: Path, gateways: int, router: Any
) -> None:
    found = described(stage, config(tools, True, **router), tools, gateways)
    assert [one for one in found if one.service.startswith(private_redis.NAME)] == []
    assert all("redis_host" not in one.documents[0][1] for one in found)


@pytest.mark.parametrize("router", [REDIS, {"redis_url": "redis://far"}])
def test_without_the_program_it_is_refused(stage: Stage, tmp_path: Path, router: Any) -> None:
    with pytest.raises(UsageError, match="neither redis-server nor valkey-server is in PATH") as raised:
        plan(stage, config(tmp_path, True, **router), tmp_path / "nothing")
    assert "apt install redis-server" in raised.value.fix
    assert plan(stage, config(tmp_path, True, **router), tmp_path / "nothing", gateways=1).redis is None


def test_the_redis_settings_of_the_user_are_named_as_omitted_unless_a_private_server_replaces_them(
    stage: Stage, tools: Path
) -> None:
    made = config(tools, True, **REDIS)
    assert omitted_settings(plan(stage, made, tools)) == []
    assert "router_settings.redis_host" in omitted_settings(plan(stage, made, tools, gateways=1))


def test_the_redis_server_keeps_nothing_and_listens_on_loopback_only(tmp_path: Path) -> None:
    found = private_redis.program(tmp_path, Path("/usr/bin/redis-server"), 7000, "500", {})
    assert found.argv[1:7] == ("--port", "7000", "--bind", LOOPBACK, "--save", "")
    assert (found.readiness_path, found.restart) == ("", "never")


def test_the_report_says_how_many_gateways_there_were() -> None:
    one, result = profile(scenario()), rehearsal(scenario())
    result["profiles"][0] |= {"gateways": 3, "redis": True}
    assert "gateways" not in summary.heading(one)
    assert "3 gateways with a Redis server in common, each LiteLLM through" in summary.heading(result["profiles"][0])
    assert summary.conclusion(result).startswith("cost & more on 3 gateways: 1 of 1 promise kept")
