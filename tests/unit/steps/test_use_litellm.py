"""Another LiteLLM for a run: chosen, started, promoted and recorded; killed anywhere, what serves is in force."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flowgate.errors import ProgramMissing, UsageError
from flowgate.gateway import litellm_environments
from flowgate.gateway.litellm_environments import LABEL, EnvironmentRecord
from flowgate.steps.discard import discard
from flowgate.steps.promote import promote
from flowgate.steps.start import start
from flowgate.steps.use_litellm import use_litellm
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import Stage

NEW, OLD = "1.99.9", "1.99.8"


@pytest.fixture
def gateway(stage: Stage) -> Stage:
    """A gateway that serves from the bundled environment, with two built ones beside it."""
    stage.prepared()
    for version in (NEW, OLD):
        fake_environment.build(stage.config, version)
    context = stage.context()
    stage.apply(start, context, service="litellm")
    stage.apply(promote, context)
    return stage


def record(stage: Stage) -> EnvironmentRecord:
    return stage.context().litellm_record()


def serving(stage: Stage) -> str | None:
    return stage.supervisor.serving_label("litellm", LABEL)


def hand_over(stage: Stage, version: str, steps: int = 9) -> None:
    """Run the first steps of an upgrade, as a command that is killed after them."""
    context = stage.context()
    work: list[tuple[Callable[..., Any], dict[str, Any]]] = [
        (use_litellm, {"version": version}),
        (start, {"service": "litellm"}),
        (promote, {}),
    ]
    for step, params in work[:steps]:
        stage.apply(step, context, **params)
    if steps < len(work):  # the supervisor stops a candidate whose command has gone
        living = stage.supervisor.services["litellm"]
        stage.supervisor.services["litellm"] = [one for one in living if one["phase"] == "serving"]
    stage.supervisor.started.clear()


def test_an_upgrade_starts_promotes_and_records_the_other_environment(gateway: Stage) -> None:
    hand_over(gateway, NEW)
    assert (serving(gateway), record(gateway).in_force, record(gateway).previous) == (NEW, NEW, "")
    assert gateway.supervisor.programs[-1].argv[0].endswith(f"litellm/{NEW}/run-litellm")
    lines = (gateway.runtime / "events.log").read_text().splitlines()
    assert [one["event"] for one in map(json.loads, lines)] == ["profile_switch", "litellm_version"]


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_after_a_kill_anywhere_what_serves_is_in_force(gateway: Stage, steps: int) -> None:
    hand_over(gateway, NEW, steps)
    newest = gateway.supervisor.services["litellm"][-1]
    assert record(gateway).in_force == newest["labels"][LABEL] == (NEW if steps == 3 else "")


def test_after_a_kill_between_promotion_and_record_the_new_one_is_in_force(gateway: Stage) -> None:
    hand_over(gateway, NEW, 1)
    gateway.supervisor.run("litellm", "serving", labels={LABEL: NEW})
    assert (record(gateway).in_force, record(gateway).previous) == (NEW, "")
    assert gateway.context().litellm().version == NEW


@pytest.mark.parametrize("steps", [1, 2])
def test_the_next_command_settles_what_was_interrupted(gateway: Stage, steps: int) -> None:
    hand_over(gateway, NEW, steps)
    gateway.apply(promote)
    text = litellm_environments.record_path(gateway.config).read_text()
    assert litellm_environments.parse(text) == EnvironmentRecord()
    hand_over(gateway, OLD)
    assert record(gateway).in_force == OLD


def test_when_nothing_runs_the_record_says_what_the_next_start_serves(stage: Stage) -> None:
    stage.prepared()
    fake_environment.build(stage.config, NEW)
    context = stage.context()
    stage.apply(use_litellm, context, version=NEW)
    assert record(stage).in_force == ""
    stage.apply(promote, context)
    assert record(stage).in_force == NEW
    assert stage.context().stack().services["litellm"].program.argv[0].endswith("run-litellm")


def test_a_second_run_changes_nothing(gateway: Stage) -> None:
    hand_over(gateway, NEW)
    gateway.supervisor.up_to_date.add("litellm")
    before, context = gateway.tree(), gateway.context()
    assert gateway.apply(use_litellm, context, version=NEW)[0] == "unchanged"
    assert gateway.apply(promote, context)[0] == "unchanged"
    assert gateway.tree() == before


def test_looking_writes_nothing(gateway: Stage) -> None:
    before = gateway.tree()
    use_litellm(gateway.context().read_only(), version=NEW)
    use_litellm(gateway.context().read_only(), version="1.99.7", expected=True)
    assert gateway.tree() == before


def test_a_refused_candidate_leaves_the_old_one_in_force(gateway: Stage) -> None:
    context = gateway.context()
    gateway.apply(use_litellm, context, version=NEW)
    gateway.apply(start, context, service="litellm")
    gateway.apply(discard, context)
    gateway.apply(use_litellm, context)
    assert (context.litellm().bundled, record(gateway)) == (True, EnvironmentRecord())


def test_a_version_that_is_not_installed_is_refused(gateway: Stage) -> None:
    before = gateway.tree()
    with pytest.raises(ProgramMissing, match="is missing or not complete"):
        gateway.apply(use_litellm, version="1.99.7")
    assert gateway.tree() == before


def test_a_program_of_the_users_own_cannot_be_upgraded(gateway: Stage) -> None:
    service = gateway.config.services["litellm"]
    gateway.configure(litellm={"args": ("/usr/bin/litellm", *service.args[1:])})
    with pytest.raises(UsageError, match="FlowGate cannot change its version") as caught:
        gateway.apply(use_litellm, version=NEW)
    assert "flowgate.yaml" in caught.value.place
