"""LiteLLM's web pages and its OpenAPI document: off, unless the config switches them on.

They answer without a key, and the first `/openapi.json` blocks every other request for seconds.

Source: LiteLLM 1.106.2, proxy/utils.py (`get_docs_url` and its neighbours), proxy/common_utils/admin_ui_utils.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

OPENAPI, UI = "openapi", "ui"
ADMIN_UI_PATHS = (
    *("/", "/ui", "/ui/*", "/sso/*", "/fallback/login", "/login", "/v2/login", "/v3/login", "/v3/login/exchange"),
    *("/litellm-asset-prefix/*", "/get_image", "/get_favicon", "/get_logo_url", "/onboarding/*", "/public/*"),
    *("/.well-known/litellm-ui-config", "/litellm/.well-known/litellm-ui-config"),
)


class Page(NamedTuple):
    """A page that LiteLLM offers.

    Attributes:
        name: What it is.
        off: The variable that switches it off when it is "true".
        address: The variable that sets its path, and switches it on; empty if there is none.
        paths: Where it is; the first one is replaced by the value of `address`.
    """

    name: str
    off: str
    address: str
    paths: tuple[str, ...]


PAGES = (
    Page("docs", "NO_DOCS", "DOCS_URL", ("/", "/docs/oauth2-redirect", "/swagger/*")),
    Page("redoc", "NO_REDOC", "REDOC_URL", ("/redoc", "/swagger/*")),
    Page(OPENAPI, "NO_OPENAPI", "OPENAPI_URL", ("/openapi.json",)),
    Page(UI, "DISABLE_ADMIN_UI", "", ADMIN_UI_PATHS),
)
SWITCHES = tuple(page.off for page in PAGES)


def switched_on(variables: Mapping[str, str]) -> tuple[Page, ...]:
    """Return the pages that the config switches on; docs and redoc need the OpenAPI document.

    Args:
        variables: Environment variables that the config sets for LiteLLM.
    """
    named = [page for page in PAGES if _is_on(page, variables)]
    needs_document = any(page.name != UI for page in named)
    return tuple(page for page in PAGES if page in named or (needs_document and page.name == OPENAPI))


def switches(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that switch off the other pages.

    Args:
        variables: Environment variables that the config sets for LiteLLM.
    """
    on = switched_on(variables)
    return {page.off: "True" for page in PAGES if page not in on}


def paths(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paths of the pages that are switched on; no key is needed for them.

    Args:
        variables: Environment variables that the config sets for LiteLLM.
    """
    return tuple(dict.fromkeys(path for page in switched_on(variables) for path in _paths(page, variables)))


def describe(variables: Mapping[str, str]) -> str:
    """Return one sentence: which pages are off, and which answer without a key.

    Args:
        variables: Environment variables that the config sets for LiteLLM.
    """
    on = switched_on(variables)
    off = [page for page in PAGES if page not in on]
    found = []
    if off:
        names = ", ".join(f"{page.name} ({page.off})" for page in off)
        found.append(f"LiteLLM's web pages are switched off: {names}; services.litellm.env may switch them on")
    if on:
        found.append(f"{', '.join(page.name for page in on)}: no key is needed for {', '.join(paths(variables))}")
    return "; ".join(found)


def _is_on(page: Page, variables: Mapping[str, str]) -> bool:
    off = variables.get(page.off)
    return bool(page.address and variables.get(page.address)) or (off is not None and off.strip().lower() != "true")


def _paths(page: Page, variables: Mapping[str, str]) -> tuple[str, ...]:
    own = variables.get(page.address, "") if page.address else ""
    return (own, *page.paths[1:]) if own.startswith("/") else page.paths
