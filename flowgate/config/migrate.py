"""Migrations of older config files, one function each; each change is recorded as a note."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.config.document import Draft
from flowgate.config.yaml_source import Tree
from flowgate.errors import UnknownName, UsageError

SUPPORTED = (1, 2)
CURRENT = 2
PAID_HEALTH = "/health"
FREE_HEALTH = {"readiness_path": "/health/readiness", "health_path": "/health/liveliness"}
MISSING_ENDPOINTS = "/v0/management/oauth/"


def migrate(draft: Draft) -> None:
    """Migrate a config in place; what cannot be migrated is added to `draft.faults`."""
    for migration in MIGRATIONS:
        migration(draft)


def _version(draft: Draft) -> None:
    found = draft.tree.get("config_version", CURRENT)
    if found in SUPPORTED and not isinstance(found, bool):
        if found != CURRENT:
            draft.note(
                "config_version", f"version {found} was migrated to {CURRENT}; write `config_version: {CURRENT}`"
            )
        draft.tree["config_version"] = CURRENT
        return
    versions = " and ".join(map(str, SUPPORTED))
    draft.faults.append(
        UsageError(
            f"config_version {found!r} is not supported; supported versions: {versions}",
            place=draft.place("config_version"),
            fix=f"write `config_version: {CURRENT}`",
        )
    )


def _rename(draft: Draft, parent: Tree, old: str, new: str, at: str) -> None:
    """Rename a key within one mapping."""
    if old not in parent:
        return
    path = f"{at}.{old}" if at else old
    target = f"{at}.{new}" if at else new
    if new in parent:
        what = f"the config contains both '{path}' and its new name '{target}'"
        draft.faults.append(UsageError(what, place=draft.place(path), fix=f"remove '{path}'"))
        parent.pop(old)
        return
    renamed = {new if key == old else key: value for key, value in parent.items()}
    parent.clear()
    parent.update(renamed)
    draft.move(path, target)
    draft.note(path, f"'{path}' is now called '{target}'")


def _secrets(draft: Draft) -> None:
    _rename(draft, draft.tree, "secrets", "secret_files", "")


def _service_name(draft: Draft) -> None:
    services = draft.tree.get("services")
    if isinstance(services, dict):
        _rename(draft, services, "cliproxyapi", "cliproxyapi_plus", "services")


def _oauth(draft: Draft) -> None:
    if "oauth" not in draft.tree:
        return
    old = draft.tree.pop("oauth")
    auth = draft.tree.get("auth")
    if isinstance(auth, dict) and "providers" in auth:
        what = "the config contains both 'oauth' and its new name 'auth.providers'"
        draft.faults.append(UsageError(what, place=draft.place("oauth"), fix="remove 'oauth'"))
        return
    at = "oauth"
    if isinstance(old, dict) and "providers" in old:
        at = "oauth.providers"
        others = [f"oauth.{key}" for key in old if key != "providers"]
        draft.faults += [UnknownName("key", one, known=(at,), at=draft.place(one)) for one in others]
        old = old["providers"]
    if auth is None or isinstance(auth, dict):  # anything else is rejected when `auth` is read
        draft.tree["auth"] = {**(auth or {}), "providers": old}
    draft.move(at, "auth.providers")
    draft.note(at, f"'{at}' is now called 'auth.providers'")


def _paid_health(draft: Draft) -> None:
    services = draft.tree.get("services")
    litellm = services.get("litellm") if isinstance(services, dict) else None
    if not isinstance(litellm, dict):
        return
    for key, free in FREE_HEALTH.items():
        if str(litellm.get(key) or "").partition("?")[0].rstrip("/") == PAID_HEALTH:
            litellm[key] = free
            text = f"LiteLLM's {PAID_HEALTH} calls every model, which costs money; {free} is used instead"
            draft.note(f"services.litellm.{key}", text)


def _missing_endpoints(draft: Draft) -> None:
    auth = draft.tree.get("auth")
    providers = auth.get("providers") if isinstance(auth, dict) else None
    for name, one in providers.items() if isinstance(providers, dict) else ():
        for key in ("auth_url_endpoint", "status_endpoint"):
            if isinstance(one, dict) and MISSING_ENDPOINTS in str(one.get(key) or ""):
                address = one.pop(key)
                text = f"CLIProxyAPIPlus has no endpoint {address}; the built-in one is used"
                draft.note(f"auth.providers.{name}.{key}", text)


MIGRATIONS: tuple[Callable[[Draft], None], ...] = (
    _version,
    _secrets,
    _service_name,
    _oauth,
    _paid_health,
    _missing_endpoints,
)
