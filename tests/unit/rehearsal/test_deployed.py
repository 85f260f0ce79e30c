"""Rehearsing a deployed gateway: the real stand-ins, and a cheap gateway before them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from flowgate.config.loader import read
from flowgate.context import StepContext
from flowgate.errors import CheckFailed, EnvironmentFailure, FlowGateError, Interrupted, Unreachable, UsageError
from flowgate.rehearsal.overlay_config import marker
from flowgate.rehearsal.plan import make_plan
from flowgate.rehearsal.result import ProfileResult
from flowgate.steps.rehearse import rehearse
from flowgate.system.clock import Clock
from tests import cheap_gateway, stand_ins
from tests.cheap_gateway import Policy
from tests.conftest import free_port
from tests.stand_ins import StandInProcess
from tests.unit.steps.conftest import Stage

CONFIG = """\
litellm_base:
  model_list:
    - {model_name: router-default, litellm_params: {model: openai/big, api_key: os.environ/OPENAI_API_KEY}}
    - {model_name: router-cheap, litellm_params: {model: openai/small, api_key: os.environ/OPENAI_API_KEY}}
  general_settings: {master_key: os.environ/LITELLM_MASTER_KEY}
profiles:
  balanced: &policy
    router_settings:
      num_retries: 1
      retry_policy: {TimeoutErrorRetries: 0, RateLimitErrorRetries: 0}
      allowed_fails: 1
      cooldown_time: 30
      timeout: 90
      stream_timeout: 90
      fallbacks: [{router-default: [router-cheap]}]
  other: *policy
"""
SHORT = "500,refused"
# Of one scenario alone, nobody waits for the end of its cooldown.
BRIEF = Clock()._replace(sleep=lambda seconds: Clock().sleep(seconds) if seconds < 1 else None)


@dataclass
class Deployment:
    """A config, stand-ins of its profile, and a gateway before them."""

    stage: Stage
    stand_ins: StandInProcess
    policy: Policy
    url: str = ""
    variables: dict[str, str] = field(default_factory=dict)

    def context(self, clock: Clock = BRIEF) -> StepContext:
        keys = {"REHEARSAL_GATEWAY_KEY": cheap_gateway.KEY, "REHEARSAL_KEY": stand_ins.KEY, **self.variables}
        return replace(self.stage.context(), environment={**self.stage.environment, **keys}, clock=clock)

    def rehearse(self, scenario: str = "500", context: StepContext | None = None, **more: Any) -> ProfileResult:
        """Rehearse by the step, and return the result, also if a promise is broken."""
        params = {"against": self.url, "stand_ins": self.stand_ins.url, "scenario": scenario, **more}
        try:
            _, facts = self.stage.apply(rehearse, context or self.context(), **params)
        except CheckFailed as error:
            facts = dict(error.facts)
        found: ProfileResult = facts["profiles"][0]
        return found

    def refused(self, kind: type[FlowGateError] = UsageError, **more: str | bool) -> str:
        """Return why a rehearsal is refused; nothing may have been asked of the gateway's models."""
        params: dict[str, Any] = dict(more)
        with pytest.raises(kind) as raised:
            self.rehearse(**params)
        assert self.policy.asked == []
        assert raised.value.fix
        assert cheap_gateway.KEY not in str(raised.value) + raised.value.fix
        assert stand_ins.KEY not in str(raised.value) + raised.value.fix
        return str(raised.value)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    folder = tmp_path_factory.mktemp("stage")
    made = Stage(folder)
    made.config = read(CONFIG, folder / "flowgate.yaml")
    return made


@pytest.fixture(scope="module")
def process(stage: Stage) -> Iterator[StandInProcess]:
    plan = make_plan(stage.context(), "balanced", litellm_only=True, as_written=False)
    with stand_ins.running(marker=marker(plan), time_scale=plan.scale) as made:
        yield made


@pytest.fixture
def deployment(stage: Stage, process: StandInProcess) -> Iterator[Deployment]:
    with deployed(stage, process) as made:
        yield made


@contextmanager
def deployed(stage: Stage, process: StandInProcess) -> Iterator[Deployment]:
    """Serve a cheap gateway in front of stand-ins."""
    small = ("small", process.vendors)
    models: dict[str, Sequence[tuple[str, int]]] = {
        "router-default": [("big", process.refusing), small],
        "router-cheap": [small],
        process.marker: [(process.marker, process.vendors)],
    }
    policy = Policy(models)
    with cheap_gateway.serving(policy) as url:
        yield Deployment(stage, process, policy, url)
    assert process.call("GET", "/requests", name="later")[0] == 200  # the stand-ins were released
    assert process.call("DELETE", "/rehearsal", name="later")[0] == 200


def broken(found: ProfileResult) -> set[tuple[str, str]]:
    return {(one["scenario"], one["promise"]) for one in found["promises"] if one["verdict"] == "broken"}


def test_a_gateway_that_keeps_its_promises_is_proven(deployment: Deployment) -> None:
    found = deployment.rehearse(SHORT, deployment.context(Clock()))
    assert broken(found) == set()
    assert [one["scenario"] for one in found["scenarios"]] == SHORT.split(",")
    assert {one["verdict"] for one in found["promises"]} == {"kept"}
    assert (found["against"], found["upstream"]) == (deployment.url, "none")
    attempts = {one["scenario"]: [a["role"] for a in one["attempts"]] for one in found["scenarios"]}
    assert attempts["refused"].count("primary") == 4  # two requests with one retry each, then the cooldown
    assert attempts["refused"].count("secondary") == 6


@pytest.mark.parametrize("scenario", ["healthy", "recovery", "names", "misuse", "401", "flap"])
def test_each_kind_of_scenario_can_be_played(deployment: Deployment, scenario: str) -> None:
    if scenario == "401":
        deployment.policy.retries = 0
    found = deployment.rehearse(scenario)
    assert {one["verdict"] for one in found["promises"]} == {"kept"}


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        ({"retries": 4}, ("500", "attempts on the primary per request")),
        ({"cooldown_after": 99}, ("500", "cooldown")),
        ({"cooldown_seconds": 0.01}, ("500", "attempts on the failed primary per minute")),
    ],
)
def test_a_gateway_with_another_policy_breaks_promises(
    deployment: Deployment, change: dict[str, Any], promise: tuple[str, str]
) -> None:
    for name, value in change.items():
        setattr(deployment.policy, name, value)
    assert promise in broken(deployment.rehearse(promise[0]))


def test_a_gateway_without_its_fallback_breaks_the_promise_of_answers(deployment: Deployment) -> None:
    deployment.policy.models["router-default"] = [("big", deployment.stand_ins.refusing)]
    assert ("500", "every request is answered") in broken(deployment.rehearse())


def test_a_gateway_that_serves_clients_is_never_rehearsed(deployment: Deployment) -> None:
    del deployment.policy.models[deployment.stand_ins.marker]
    assert "is no gateway for rehearsals of balanced" in deployment.refused()


def test_the_gateway_of_an_older_export_is_refused(deployment: Deployment) -> None:
    deployment.policy.models["flowgate-rehearsal-ffffffffffff"] = deployment.policy.models.pop(
        deployment.stand_ins.marker
    )
    assert "is no gateway for rehearsals" in deployment.refused()


def test_stand_ins_of_other_settings_are_refused(deployment: Deployment) -> None:
    own = deployment.stage.config
    changed: Any = {"balanced": {**own.profiles["balanced"], "router_settings": {"num_retries": 3}}}
    deployment.stage = replace(deployment.stage)
    deployment.stage.config = replace(own, profiles=changed)
    assert "exported from other settings" in deployment.refused()


def test_the_stand_ins_of_another_profile_are_refused(deployment: Deployment) -> None:
    assert "belong to the profile balanced, not other" in deployment.refused(profile="other")


@pytest.mark.parametrize("name", ["REHEARSAL_KEY", "REHEARSAL_GATEWAY_KEY"])
@pytest.mark.parametrize(
    ("value", "why"),
    [("", "is not set"), ("sk-another-key-of-somebody", "refuse"), ("sk-ü-0123456789abcdef", "no HTTP header")],
)
def test_a_missing_or_wrong_key_is_refused(deployment: Deployment, name: str, value: str, why: str) -> None:
    deployment.variables[name] = value
    assert why in deployment.refused()


@pytest.mark.parametrize("where", ["against", "stand_ins"])
@pytest.mark.parametrize(
    "url",
    [
        *("", "127.0.0.1:4100", "ftp://h", "http://", "http://h:0", "http://h:x", "http://h:99999", "http://u:p@h"),
        *("http://h?x=1", "http://h#x", "http://h x", "http://h\n", "//h:1", "file:///etc/passwd"),
    ],
)
def test_what_is_no_url_is_refused(deployment: Deployment, where: str, url: str) -> None:
    if url == "" and where == "against":
        assert "--against" in deployment.refused(against="", stand_ins=deployment.stand_ins.url)
    else:
        assert f"--{where.replace('_', '-')}" in deployment.refused(UsageError, **{where: url})


@pytest.mark.parametrize("flag", ["every", "litellm_only", "long", "as_written"])
def test_flags_of_a_private_copy_are_refused(deployment: Deployment, flag: str) -> None:
    assert "rehearsed as it is" in deployment.refused(UsageError, **{flag: True})


def test_other_programs_are_no_stand_ins(deployment: Deployment) -> None:
    assert "are no stand-ins" in deployment.refused(stand_ins=f"http://127.0.0.1:{deployment.stand_ins.vendors}")


def test_what_does_not_answer_is_unreachable(deployment: Deployment) -> None:
    nothing = f"http://127.0.0.1:{free_port()}"
    assert "the stand-ins do not answer" in deployment.refused(EnvironmentFailure, stand_ins=nothing)
    assert "the deployed gateway does not answer" in deployment.refused(EnvironmentFailure, against=nothing)


def test_a_gateway_before_other_stand_ins_is_found_out(deployment: Deployment) -> None:
    with stand_ins.running(marker=deployment.stand_ins.marker) as others:
        deployment.policy.models[deployment.stand_ins.marker] = [(deployment.stand_ins.marker, others.vendors)]
        with pytest.raises(EnvironmentFailure, match="does not reach the stand-ins"):
            deployment.rehearse()
    assert deployment.policy.asked == [deployment.stand_ins.marker]


def test_a_second_rehearsal_waits_for_the_first(deployment: Deployment) -> None:
    deployment.stand_ins.call("GET", "/requests", name="first")
    with pytest.raises(EnvironmentFailure, match="another rehearsal uses the stand-ins"):
        deployment.rehearse()
    assert deployment.policy.asked == []
    assert deployment.stand_ins.call("DELETE", "/rehearsal", name="first")[0] == 200


def test_faults_of_a_rehearsal_that_was_killed_are_ended(deployment: Deployment) -> None:
    faults = {"faults": {"small": {"status": 500}, deployment.stand_ins.marker: {"status": 500}}, "refuses": True}
    assert deployment.stand_ins.call("PUT", "/faults", faults, name="killed")[0] == 200
    deployment.stand_ins.call("DELETE", "/rehearsal", name="killed")
    assert broken(deployment.rehearse()) == set()


def test_a_rehearsal_that_is_interrupted_leaves_no_fault(deployment: Deployment) -> None:
    def interrupt(seconds: float) -> None:
        if deployment.stand_ins.ask("big")[0] == 500:
            raise Interrupted("Ctrl-C")

    with pytest.raises(Interrupted):
        deployment.rehearse(context=deployment.context(BRIEF._replace(sleep=interrupt)))
    assert deployment.stand_ins.ask("big")[0] == 200


def test_stand_ins_that_end_in_between_are_said(deployment: Deployment) -> None:
    with stand_ins.running(marker=deployment.stand_ins.marker, time_scale=deployment.stand_ins.time_scale) as brief:
        deployment.policy.models[brief.marker] = [(brief.marker, brief.vendors)]

        def end(seconds: float) -> None:
            if brief.is_running():
                brief.stop()

        with pytest.raises(Unreachable):
            deployment.rehearse(stand_ins=brief.url, context=deployment.context(BRIEF._replace(sleep=end)))


@pytest.mark.parametrize("ahead", [-3600.0, 0.75, 86_400.0])
def test_the_two_clocks_may_differ(deployment: Deployment, ahead: float) -> None:
    wall = Clock().wall
    clock = BRIEF._replace(wall=lambda: wall() + timedelta(seconds=ahead))
    found = deployment.rehearse(context=deployment.context(clock))
    assert broken(found) == set()
    [scenario] = found["scenarios"]
    assert [one["role"] for one in scenario["attempts"]].count("primary") == 4
    assert all(0 <= one["at"] < 60 for one in scenario["attempts"])


def test_what_is_not_seen_from_outside_is_said(deployment: Deployment) -> None:
    assert set(deployment.rehearse("healthy")["not_exercised"]) == {"full times"}


def test_several_gateways_count_by_themselves(stage: Stage, deployment: Deployment) -> None:
    plan = make_plan(stage.context(), "balanced", litellm_only=True, as_written=False)
    deployment.policy.cooldown_after = 6  # three gateways that each start a cooldown after the second failed request
    assert ("500", "cooldown") in broken(deployment.rehearse())
    deployment.policy.until.clear()
    deployment.policy.failures.clear()
    with stand_ins.running(marker=marker(plan), time_scale=plan.scale, gateways=3) as fleet:
        for name, path in deployment.policy.models.items():
            ports = {deployment.stand_ins.vendors: fleet.vendors, deployment.stand_ins.refusing: fleet.refusing}
            deployment.policy.models[name] = [(model, ports[port]) for model, port in path]
        found = deployment.rehearse(stand_ins=fleet.url)
    assert broken(found) == set()
    assert [one["promised"] for one in found["promises"] if one["promise"] == "cooldown"] == [
        "within 6 failed requests"
    ]
    assert set(found["not_exercised"]) == {"full times", "shared Redis", "each single gateway"}


def test_gateways_with_a_redis_server_of_their_own_count_together(stage: Stage, deployment: Deployment) -> None:
    plan = make_plan(stage.context(), "balanced", litellm_only=True, as_written=False)
    deployment.policy.cooldown_after = 4  # two failed requests, and one for each other gateway
    with stand_ins.running(marker=marker(plan), time_scale=plan.scale, gateways=3, shared_redis=True) as fleet:
        for name, path in deployment.policy.models.items():
            ports = {deployment.stand_ins.vendors: fleet.vendors, deployment.stand_ins.refusing: fleet.refusing}
            deployment.policy.models[name] = [(model, ports[port]) for model, port in path]
        found = deployment.rehearse(stand_ins=fleet.url)
        deployment.policy.until.clear()
        deployment.policy.cooldown_after = 6  # each by itself
        apart = deployment.rehearse(stand_ins=fleet.url)
    assert broken(found) == set()
    assert ("500", "cooldown") in broken(apart)
    assert (found["gateways"], found["redis"]) == (3, True)
    assert set(found["not_exercised"]) == {"full times", "your Redis server", "each single gateway"}
