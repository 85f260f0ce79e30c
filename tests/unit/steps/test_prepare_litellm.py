"""The step `prepare_litellm`: a version is imported beside the one that serves, and its environment is kept."""

from __future__ import annotations

import pytest

from flowgate.errors import ProgramMissing
from flowgate.gateway.litellm_environments import LABEL
from flowgate.steps.prepare_litellm import prepare_litellm
from tests.unit.gateway import fake_environment
from tests.unit.steps.conftest import Stage

NEW = "1.99.9"


@pytest.fixture
def gateway(stage: Stage) -> Stage:
    fake_environment.build(stage.prepared().config, NEW)
    return stage


def test_a_running_gateway_keeps_its_fork_server(gateway: Stage) -> None:
    gateway.litellm()
    status, facts = gateway.apply(prepare_litellm, version=NEW)
    assert (status, facts["prepared"]) == ("changed", True)
    assert gateway.supervisor.reserved == {NEW: 3600.0}
    assert gateway.supervisor.programs[-1].labels[LABEL] == NEW


def test_a_second_run_changes_nothing(gateway: Stage) -> None:
    gateway.litellm().apply(prepare_litellm, version=NEW)
    before = gateway.tree()
    assert gateway.apply(prepare_litellm, version=NEW)[0] == "unchanged"
    assert gateway.tree() == before


@pytest.mark.parametrize("version", [NEW, ""])
def test_when_nothing_runs_only_the_record_is_written(gateway: Stage, version: str) -> None:
    _, facts = gateway.apply(prepare_litellm, version=version)
    assert (facts["prepared"], gateway.supervisor.reserved) == (False, {})
    assert gateway.context().litellm_record().prepared == (version or None)


def test_the_version_in_force_is_kept_without_a_record(gateway: Stage) -> None:
    gateway.litellm()
    assert gateway.apply(prepare_litellm)[0] == "unchanged"
    assert gateway.supervisor.reserved == {"": 3600.0}
    assert gateway.context().litellm_record().prepared is None


def test_zero_seconds_end_it(gateway: Stage) -> None:
    gateway.litellm()
    _, facts = gateway.apply(prepare_litellm, version=NEW, seconds=0.0)
    assert (facts["prepared"], gateway.context().litellm_record().prepared) == (False, None)


def test_looking_starts_nothing(gateway: Stage) -> None:
    gateway.litellm()
    before = gateway.tree()
    prepare_litellm(gateway.context().read_only(), version=NEW)
    assert (gateway.tree(), gateway.supervisor.reserved) == (before, {})


def test_a_version_that_is_not_installed_is_refused(gateway: Stage) -> None:
    with pytest.raises(ProgramMissing):
        gateway.apply(prepare_litellm, version="1.99.7")
