"""Which failures count for cooldowns, and how cooldowns end when a service is back."""

from __future__ import annotations

import errno
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from flowgate.gateway import cooldown_rules, inside, router_inside
from flowgate.gateway.router_attempts import DeploymentUnreachable
from flowgate.request_filter.upstreams import Upstreams
from tests.unit.gateway.test_failure_causes import NotFoundError, VendorError, raised_while_handling

SOUTH, OTHER = "http://127.0.0.1:9/v1", "http://other.example/v1"
ROUTER = SimpleNamespace(
    model_list=[
        {"model_name": "s", "litellm_params": {"api_base": SOUTH}, "model_info": {"id": "south"}},
        {"model_name": "o", "litellm_params": {"api_base": OTHER}, "model_info": {"id": "other"}},
    ]
)


@pytest.fixture
def upstreams() -> Upstreams:
    found = Upstreams()
    found.set_addresses({"cliproxyapi_plus": "127.0.0.1:9"})
    return found


@pytest.fixture
def handlers(upstreams: Upstreams) -> Any:
    """A module as LiteLLM's, which counts every failure."""

    def _should_run_cooldown_logic(
        litellm_router_instance: object, deployment: str, exception_status: object, original_exception: Exception
    ) -> bool:
        return True

    found = SimpleNamespace(_should_run_cooldown_logic=_should_run_cooldown_logic)
    assert cooldown_rules.install(found, upstreams) == cooldown_rules.install(found, upstreams) == ""
    return found


def counts(handlers: Any, deployment: str, error: BaseException) -> bool:
    found: bool = handlers._should_run_cooldown_logic(ROUTER, deployment, 500, original_exception=error)
    return found


def caused_by(number: int) -> BaseException:
    return raised_while_handling(ValueError(), OSError(number, "text"))


@pytest.mark.parametrize("deployment", ["south", "other"])
@pytest.mark.parametrize(
    "error",
    [
        caused_by(errno.EMFILE),
        caused_by(errno.EADDRNOTAVAIL),
        raised_while_handling(ValueError(), VendorError("404 page not found")),
        DeploymentUnreachable("it is stopped"),
    ],
    ids=["files", "ports", "route", "not asked"],
)
def test_what_is_not_the_deployments_fault_counts_for_nothing(handlers: Any, deployment: str, error: Exception) -> None:
    assert not counts(handlers, deployment, error)


def test_a_refused_connection_counts_unless_a_service_of_ours_is_there(handlers: Any) -> None:
    error = caused_by(errno.ECONNREFUSED)
    assert (counts(handlers, "other", error), counts(handlers, "south", error)) == (True, False)


@pytest.mark.parametrize(("down", "restarting"), [({"cliproxyapi_plus": "x"}, []), ({}, ["cliproxyapi_plus"])])
def test_nothing_counts_while_the_service_is_away(
    handlers: Any, upstreams: Upstreams, down: dict[str, str], restarting: list[str]
) -> None:
    assert counts(handlers, "south", NotFoundError("model x"))
    upstreams.note(down, restarting)
    assert not counts(handlers, "south", NotFoundError("model x"))
    assert counts(handlers, "other", NotFoundError("model x"))


def test_a_retired_model_still_counts(handlers: Any) -> None:
    assert counts(handlers, "other", raised_while_handling(ValueError(), VendorError("model x is retired")))


@pytest.mark.parametrize("module", [None, SimpleNamespace(), SimpleNamespace(_should_run_cooldown_logic=lambda: True)])
def test_a_litellm_without_the_function_is_left_alone(module: object, upstreams: Upstreams) -> None:
    assert "has no _should_run_cooldown_logic" in cooldown_rules.install(module, upstreams)


def test_cooldowns_end_only_for_deployments_behind_the_service(
    monkeypatch: pytest.MonkeyPatch, upstreams: Upstreams
) -> None:
    ended: list[str] = []
    memory = SimpleNamespace(delete_cache=ended.append)
    cache = SimpleNamespace(in_memory_cache=memory, get_cooldown_cache_key=lambda name: f"key of {name}")
    router = SimpleNamespace(model_list=ROUTER.model_list, cooldown_cache=cache)
    monkeypatch.setitem(sys.modules, router_inside.PROXY, SimpleNamespace(llm_router=router))
    inside.clear_cooldowns(upstreams, "cliproxyapi_plus")
    assert ended == ["key of south"]


def test_without_litellm_it_is_said_what_cannot_be_done(upstreams: Upstreams) -> None:
    assert inside.set_up(upstreams).keys() == {"attempts", "cooldowns", "stream_timeouts", "usage"}
    assert inside.clear_cooldowns(upstreams, "cliproxyapi_plus") == {}


@pytest.mark.parametrize("name", ["RouterRateLimitError", "RouterRateLimitErrorBasic"])
def test_a_request_that_found_no_deployment_counts_for_nobody(handlers: Any, name: str) -> None:
    assert not counts(handlers, "other", type(name, (ValueError,), {})("No deployments available"))
