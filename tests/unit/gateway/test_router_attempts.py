"""Attempts of a router as they are recorded: a fake router with the two methods that LiteLLM's has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowgate.gateway import router_attempts
from flowgate.request_filter.exchange import CURRENT
from flowgate.request_filter.recent import RecentRequest
from flowgate.request_filter.upstreams import Upstreams

SOUTH, OTHER = "http://127.0.0.1:9/v1", "http://user:secret@other.example:8000/v1"


def deployment(number: str, base: str) -> dict[str, Any]:
    params = {"model": f"openai/{number}", "api_base": base, "api_key": "sk-secret"}
    return {"model_name": "m", "litellm_params": params, "model_info": {"id": number}}


def router_class() -> Any:
    class Router:
        def __init__(self) -> None:
            self.model_list = [deployment("1", SOUTH), deployment("2", OTHER)]

        async def make_call(self, function: Any, *args: Any, **kwargs: Any) -> Any:
            return await function(*args, **kwargs)

        async def async_get_available_deployment(self, model: str, request_kwargs: dict[str, Any]) -> Any:
            skipped = request_kwargs.pop(router_attempts.SKIPPED, ())
            wanted = [one for one in self.model_list if model in ("m", one["model_info"]["id"])]
            return next((one for one in wanted if one["model_info"]["id"] not in skipped), wanted[0])

    return Router


@pytest.fixture
def upstreams() -> Upstreams:
    found = Upstreams()
    found.set_addresses({"south": "127.0.0.1:9"})
    return found


@pytest.fixture
def router(upstreams: Upstreams) -> Any:
    made = router_class()
    assert router_attempts.install(made, upstreams) == ""
    assert router_attempts.install(made, upstreams) == ""  # again: after a second program
    return made()


def call(router: Any, *models: str, error: Exception | None = None, answer: object = "hi") -> RecentRequest:
    """Make one attempt for each model within one request; the last one fails with the error."""
    row: RecentRequest = {"path": "/", "method": "POST", "at": 0.0, "attempts": []}

    async def one(model: str, messages: str) -> object:
        await router.async_get_available_deployment(model=model, request_kwargs={})
        if error is not None and model == models[-1]:
            raise error
        return answer

    async def work() -> None:
        CURRENT.set(row)
        for model in models:
            await router.make_call(one, model=model, messages="a prompt")

    try:
        asyncio.run(work())
    except Exception as raised:  # noqa: BLE001
        assert isinstance(raised, (type(error), router_attempts.DeploymentUnreachable))  # noqa: PT017
    return row


def test_an_attempt_names_its_deployment_but_no_prompt_answer_or_key(router: Any) -> None:
    row = call(router, "1", "2")
    first, second = row["attempts"]
    assert (first["model"], first["deployment"], first["id"], first["host"]) == ("1", "openai/1", "1", "127.0.0.1:9")
    assert (second["host"], second["error"], second["status"]) == ("other.example:8000", "", None)
    assert not any(word in str(row) for word in ("prompt", "hi'", "secret"))


def test_a_failed_attempt_has_its_kind_and_status(router: Any) -> None:
    error = ConnectionRefusedError(111, "sk-secret")
    error.status_code = 500  # type: ignore[attr-defined]
    [attempt] = call(router, "2", error=error)["attempts"]
    assert (attempt["error"], attempt["status"], "obstacle" in attempt) == ("connection refused", 500, False)
    assert attempt["seconds"] is not None
    assert "secret" not in str(attempt)


@pytest.mark.parametrize(("headers", "seconds"), [({"retry-after": "30", "x-key": "sk-secret"}, 30), ({}, -1)])
def test_a_failed_attempt_has_its_retry_after_and_no_other_header(
    router: Any, headers: dict[str, str], seconds: int
) -> None:
    error = ValueError("slow down")
    error.headers = headers  # type: ignore[attr-defined]
    first, second = call(router, "1", "2", error=error)["attempts"]
    assert ("retry_after" in first, second["retry_after"]) == (False, seconds)
    assert "secret" not in str(second)


def test_a_shortage_of_this_machine_is_an_obstacle(router: Any) -> None:
    [attempt] = call(router, "2", error=OSError(24, "x"))["attempts"]
    assert attempt["obstacle"] == "this process has no file descriptor left"


def test_a_deployment_behind_a_stopped_service_is_not_asked(router: Any, upstreams: Upstreams) -> None:
    upstreams.note({"south": "south is stopped"}, [])
    [attempt] = call(router, "1")["attempts"]
    assert (attempt["error"], attempt["obstacle"], attempt["status"]) == ("not asked", "south is stopped", None)


def test_another_deployment_of_the_same_model_is_asked_instead(router: Any, upstreams: Upstreams) -> None:
    upstreams.note({"south": "south is stopped"}, [])
    assert [one["deployment"] for one in call(router, "m")["attempts"]] == ["openai/2"]


def test_a_stream_after_which_another_attempt_is_made_broke_off(router: Any) -> None:
    async def stream() -> AsyncIterator[str]:
        yield "x"

    first, second = call(router, "1", "2", answer=stream())["attempts"]
    assert (first["error"], second["error"]) == ("the stream broke off", "")


def test_outside_of_a_request_nothing_is_recorded(router: Any) -> None:
    async def one(model: str) -> str:
        return model

    assert asyncio.run(router.make_call(one, model="1")) == "1"


@pytest.mark.parametrize("missing", [router_attempts.CALL, router_attempts.CHOOSE])
def test_a_router_without_a_method_is_left_alone(missing: str, upstreams: Upstreams) -> None:
    made = router_class()
    delattr(made, missing)
    before = dict(vars(made))
    assert missing in router_attempts.install(made, upstreams)
    assert dict(vars(made)) == before
    assert router_attempts.install(None, upstreams)
