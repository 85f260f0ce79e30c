from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from flowgate.domain import Change
from flowgate.errors import EnvironmentFailure, MultipleErrors, PortInUse, ProgramMissing, UsageError
from flowgate.steps.start import start

if TYPE_CHECKING:
    from tests.unit.steps.conftest import Stage


def test_a_running_service_is_not_started_again(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").run("cliproxyapi_plus").up_to_date = {"litellm", "cliproxyapi_plus"}
    status, facts = stage.apply(start)
    assert (status, facts["started"], facts["generations"]) == ("unchanged", [], {"litellm": 1, "cliproxyapi_plus": 1})
    assert stage.supervisor.calls == []


def test_independent_services_start_at_the_same_time(stage: Stage) -> None:
    status, facts = stage.prepared().apply(start)
    assert (status, facts["generations"]) == ("changed", {"litellm": 1, "cliproxyapi_plus": 1})
    assert [verb for verb, *_ in stage.supervisor.calls] == ["start", "start"]


def test_a_service_waits_for_what_it_depends_on(stage: Stage) -> None:
    stage.configure(litellm={"depends_on": ("cliproxyapi_plus",)}).prepared().apply(start)
    assert stage.supervisor.calls == [
        ("start", "cliproxyapi_plus"),
        ("wait", "cliproxyapi_plus", 1),
        ("start", "litellm"),
    ]


@pytest.mark.parametrize("service, other", [("litellm", "cliproxyapi_plus"), ("cliproxyapi_plus", "litellm")])
@pytest.mark.parametrize("fresh", [False, True])
def test_one_service_is_started_beside_another_one(stage: Stage, service: str, other: str, fresh: bool) -> None:
    stage.prepared().supervisor.run(other)
    stage.apply(start, service=service, fresh=fresh)
    assert stage.supervisor.calls == [("start", service)]


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("declared", [(), ("cliproxyapi_plus",)])
def test_what_a_service_needs_is_started_first_and_waited_for(stage: Stage, fresh: bool, declared: object) -> None:
    stage.configure(litellm={"depends_on": declared}).prepared()
    _, facts = stage.apply(start, service="litellm", fresh=fresh)
    needed = [("start", "cliproxyapi_plus"), ("wait", "cliproxyapi_plus", 1)]
    assert stage.supervisor.calls == [*needed, ("start", "litellm")]
    assert facts["message"] == "started cliproxyapi_plus generation 1, litellm generation 1"


def test_a_service_that_needs_nothing_starts_alone(stage: Stage) -> None:
    stage.prepared().apply(start, service="cliproxyapi_plus")
    assert stage.supervisor.calls == [("start", "cliproxyapi_plus")]


@pytest.mark.parametrize("phase", ["draining", "stopping"])
def test_a_needed_service_that_is_going_away_does_not_count(stage: Stage, phase: str) -> None:
    stage.prepared().supervisor.run("cliproxyapi_plus", phase)
    assert stage.apply(start, service="litellm")[1]["started"] == ["cliproxyapi_plus", "litellm"]


def test_the_fork_server_gets_the_variables_of_imports_but_no_keys(stage: Stage) -> None:
    stage.prepared().supervisor.run("cliproxyapi_plus")
    stage.apply(start, service="litellm")
    (program,) = stage.supervisor.programs
    assert program.fork_server is not None
    assert {"LITELLM_MODE", "LITELLM_LOCAL_MODEL_COST_MAP", "OPENBLAS_NUM_THREADS"} <= set(
        program.fork_server.import_variables
    )
    keys = {name for name, value in program.env.items() if value.reveal().startswith("sk-")}
    assert "LITELLM_MASTER_KEY" in keys
    assert not {*keys, "PATH", "CONFIG_FILE_PATH"} & set(program.fork_server.import_variables)


def test_a_fresh_start_also_starts_what_is_already_running(stage: Stage) -> None:
    stage.prepared().supervisor.run("litellm").run("cliproxyapi_plus").up_to_date = {"litellm"}
    assert stage.apply(start, service="litellm", fresh=True)[1]["generations"] == {"litellm": 2}


def test_a_port_in_use_is_reported_with_its_owner_and_nothing_starts(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", stage.ports["upstream"])):
        with pytest.raises(PortInUse) as refused:
            stage.prepared().apply(start)
    assert (refused.value.pid, refused.value.port) == (os.getpid(), stage.ports["upstream"])
    assert stage.supervisor.calls == []


def test_a_port_that_the_service_itself_uses_is_not_in_use(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", stage.ports["upstream"])):
        stage.prepared().supervisor.run("cliproxyapi_plus", pid=os.getpid(), port=stage.ports["upstream"])
        assert stage.apply(start, service="cliproxyapi_plus")[0] == "changed"


def test_all_obstacles_are_reported_at_once_with_exit_code_3(stage: Stage) -> None:
    stage.prepared()
    (stage.runtime / "bin" / "embedded-upstream").unlink()
    with socket.create_server(("127.0.0.1", stage.ports["litellm"])), pytest.raises(MultipleErrors) as refused:
        stage.apply(start)
    assert {type(fault) for fault in refused.value.errors} == {PortInUse, ProgramMissing}
    assert refused.value.code == 3


def test_an_unset_variable_is_reported_with_its_place(stage: Stage) -> None:
    stage.prepared().configure(key="os.environ/NOBODY_SET_ME")
    with pytest.raises(UsageError, match=r"NOBODY_SET_ME is not set \(.*flowgate.yaml:\d+\)") as refused:
        stage.apply(start)
    assert "export NOBODY_SET_ME=" in refused.value.fix


def test_a_program_gets_its_keys_but_no_other_variables_of_the_shell(stage: Stage) -> None:
    stage.environment["SHELL_SECRET"] = "sk-of-the-shell"
    stage.prepared().apply(start)
    litellm = next(one for one in stage.supervisor.programs if one.service == "litellm")
    assert {"PATH", "LITELLM_MASTER_KEY", "UPSTREAM_API_KEY"} <= litellm.env.keys()
    assert "SHELL_SECRET" not in litellm.env
    assert litellm.env["LITELLM_MASTER_KEY"].reveal().startswith("sk-")


def test_check_mode_knows_the_runners_in_a_runtime_folder_that_exists(stage: Stage) -> None:
    stage.runtime.mkdir(parents=True)
    assert isinstance(start(stage.context().read_only()), Change)


def test_check_mode_knows_a_runner_outside_the_runtime_folder(stage: Stage) -> None:
    stage.configure(cliproxyapi_plus={"cwd": stage.folder / "later"})
    found = start(stage.context().read_only())
    assert isinstance(found, Change)


def test_a_proxy_with_which_litellm_cannot_start_is_refused(stage: Stage) -> None:
    stage.environment["ALL_PROXY"] = "socks4://127.0.0.1:1"
    with pytest.raises(EnvironmentFailure, match="it knows no socks4://") as refused:
        stage.prepared().apply(start)
    assert (refused.value.code, "ALL_PROXY" in refused.value.fix) == (3, True)
    assert stage.supervisor.calls == []
