"""LiteLLM's web pages: off, unless the config switches one on."""

from __future__ import annotations

import pytest

from flowgate.domain.request_rules import RequestRules
from flowgate.gateway import web_pages
from tests.unit.request_filter.echoing import send


def test_all_pages_are_off() -> None:
    assert web_pages.switches({}) == dict.fromkeys(web_pages.SWITCHES, "True")
    assert web_pages.paths({}) == ()


@pytest.mark.parametrize(
    ("variables", "off", "path"),
    [
        ({"NO_DOCS": "False"}, ["NO_REDOC", "DISABLE_ADMIN_UI"], "/"),
        ({"NO_DOCS": ""}, ["NO_REDOC", "DISABLE_ADMIN_UI"], "/"),
        ({"DOCS_URL": "/docs"}, ["NO_REDOC", "DISABLE_ADMIN_UI"], "/docs"),
        ({"NO_REDOC": "0"}, ["NO_DOCS", "DISABLE_ADMIN_UI"], "/redoc"),
        ({"REDOC_URL": "/r"}, ["NO_DOCS", "DISABLE_ADMIN_UI"], "/r"),
        ({"NO_OPENAPI": "false"}, ["NO_DOCS", "NO_REDOC", "DISABLE_ADMIN_UI"], "/openapi.json"),
        ({"OPENAPI_URL": "/o.json"}, ["NO_DOCS", "NO_REDOC", "DISABLE_ADMIN_UI"], "/o.json"),
        ({"DISABLE_ADMIN_UI": "False"}, ["NO_DOCS", "NO_REDOC", "NO_OPENAPI"], "/ui/*"),
        ({"NO_DOCS": "False", "NO_OPENAPI": "False"}, ["NO_REDOC", "DISABLE_ADMIN_UI"], "/openapi.json"),
    ],
    ids=str,
)
def test_a_page_that_the_config_switches_on(variables: dict[str, str], off: list[str], path: str) -> None:
    assert list(web_pages.switches(variables)) == off
    assert path in web_pages.paths(variables)


@pytest.mark.parametrize("variables", [{"NO_DOCS": "true"}, {"NO_DOCS": "TRUE "}, {"DOCS_URL": ""}, {"OTHER": "x"}])
def test_a_page_that_stays_off(variables: dict[str, str]) -> None:
    assert web_pages.paths(variables) == ()


def test_docs_need_the_document() -> None:
    assert "/openapi.json" in web_pages.paths({"DOCS_URL": "/docs"})


def test_the_sentence_names_what_is_off_and_what_is_open() -> None:
    assert web_pages.describe({}).startswith("LiteLLM's web pages are switched off: docs (NO_DOCS), redoc (NO_REDOC)")
    assert "openapi: no key is needed for /openapi.json" in web_pages.describe({"NO_OPENAPI": "False"})


@pytest.mark.parametrize("page", web_pages.PAGES, ids=lambda page: page.name)
def test_no_page_opens_the_api(page: web_pages.Page) -> None:
    rules = RequestRules(key_source="tests.unit.request_filter.echoing:accepted_keys", unchecked_paths=page.paths)
    for path in ("/v1/models", "/v1/chat/completions", "/models", "/key/generate", "/health"):
        assert send(rules, path).status == 401
