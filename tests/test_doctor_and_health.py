"""`doctor` and `health` say the same about a gateway that runs in part."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

if TYPE_CHECKING:
    from tests.conftest import Workspace

SERVICES = ("cliproxyapi_plus", "litellm")


def findings(workspace: Workspace, code: int) -> dict[str, tuple[str, str]]:
    """Return status and fix of each finding of the check "services" by the service that it names first."""
    found: list[dict[str, Any]] = workspace.json("doctor", code=code)["findings"]
    own = [one for one in found if one["check"] == "services"]
    return {one["message"].split()[0]: (one["status"], one["fix"]) for one in own}


def test_services_that_run_pass(workspace: Workspace) -> None:
    workspace.inv("up")
    workspace.inv("health")
    assert findings(workspace, 0) == dict.fromkeys(SERVICES, ("pass", ""))


def test_a_gateway_that_does_not_run_is_no_fault(workspace: Workspace) -> None:
    assert findings(workspace, 0) == {"no": ("pass", "")}


@pytest.mark.parametrize("stopped", SERVICES)
def test_a_service_that_is_stopped_beside_the_other_fails(workspace: Workspace, stopped: str) -> None:
    workspace.inv("up")
    workspace.inv("service.stop", "--service", stopped)
    workspace.inv("health", code=1)
    assert findings(workspace, 1)[stopped] == ("fail", f"inv service.start --service {stopped}")


@pytest.mark.parametrize("verb", ["service.start", "service.restart"])
def test_litellm_is_never_started_without_its_upstream(workspace: Workspace, verb: str) -> None:
    workspace.inv("up")
    workspace.inv("down")
    workspace.inv(verb, "--service", "litellm")
    workspace.inv("health")
    assert findings(workspace, 0) == dict.fromkeys(SERVICES, ("pass", ""))


def test_a_service_that_hangs_is_no_pass(workspace: Workspace) -> None:
    workspace.inv("up")
    pid = workspace.json("status")["services"]["cliproxyapi_plus"]["pid"]
    psutil.Process(pid).send_signal(signal.SIGSTOP)
    try:
        workspace.inv("health", code=1)
        status, fix = findings(workspace, 1)["cliproxyapi_plus"]
    finally:
        psutil.Process(pid).send_signal(signal.SIGCONT)
    assert (status, fix) == ("fail", "inv health")
