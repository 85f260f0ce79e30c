"""The list of models in the client's shape."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from flowgate.request_filter.filter import RequestFilter
from flowgate.request_filter.rules import FilterRules
from tests.unit.request_filter.echoing import RULES

ANTHROPIC = {"anthropic-version": "2023-06-01"}
NAMED = replace(RULES, models=(*RULES.models, "gpt-5", "my-claude"), renamed={"gpt-5": "router-default"})
IDS = ["router-default", "claude-router-" + b"router-cheap".hex(), "embedder", "gpt-5", "my-claude"]
NAMES = ["router-default", "router-cheap", "embedder", "gpt-5", "my-claude"]
PUBLISHED = ["claude-router-default", "claude-router-cheap"]


async def models(request: Request) -> JSONResponse:
    """Return the list in the shape of OpenAI; an error for a client without a key."""
    if "authorization" not in request.headers:
        return JSONResponse({"error": {"message": "no key"}}, 401)
    return JSONResponse({"data": [{"id": one, "object": "model", "created": 1} for one in IDS], "object": "list"})


async def model(request: Request) -> JSONResponse:
    """Return one model."""
    return JSONResponse({"id": request.path_params["name"], "object": "model", "max_input_tokens": 5})


def listed(path: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
    """Return the status and the tree of a response."""
    app = Starlette(routes=[Route("/v1/models", models), Route("/models", models), Route("/v1/models/{name}", model)])
    layer = RequestFilter(app, FilterRules("7", requests=NAMED))

    async def one() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(layer)) as client:
            sent = {"authorization": "x"} if headers is None else headers
            return await client.get(f"http://gateway{path}", headers=sent)

    got = asyncio.run(one())
    assert got.headers["content-length"] == str(len(got.content))
    return got.status_code, json.loads(got.content)


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models?client_version=1", "/v1/models/"])
def test_openais_list_is_left_as_it_is(path: str) -> None:
    assert [one["id"] for one in listed(path)[1]["data"]] == IDS


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models?limit=1000"])
def test_anthropics_list_has_names_that_claude_code_shows(path: str) -> None:
    tree = listed(path, {"authorization": "x", **ANTHROPIC})[1]
    assert [one["id"] for one in tree["data"]] == [*NAMES, *PUBLISHED]
    assert (tree["first_id"], tree["last_id"], tree["has_more"]) == (NAMES[0], PUBLISHED[-1], False)
    assert {one["type"] for one in tree["data"]} == {"model"}
    assert tree["data"][-1]["display_name"] == "router-cheap"


@pytest.mark.parametrize("path", ["/v1beta/models", "/v1beta/models?pageSize=50", "/v1beta/models/"])
def test_google_has_a_list_in_its_shape(path: str) -> None:
    found = listed(path)[1]["models"]
    assert [one["name"] for one in found] == [f"models/{name}" for name in NAMES]
    assert found[0]["supportedGenerationMethods"] == ["generateContent", "streamGenerateContent", "countTokens"]
    assert found[2]["supportedGenerationMethods"] == ["embedContent"]


def test_google_describes_a_model_in_its_shape() -> None:
    tree = listed("/v1beta/models/router-default")[1]
    assert (tree["name"], tree["inputTokenLimit"]) == ("models/router-default", 5)


@pytest.mark.parametrize(("path", "headers"), [("/v1/models", ANTHROPIC), ("/v1beta/models", {})])
def test_an_error_passes_unchanged(path: str, headers: dict[str, str]) -> None:
    assert listed(path, headers) == (401, {"error": {"message": "no key"}})
