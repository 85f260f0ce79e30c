"""Older spellings of the config, brought up to date one small step at a time; each change is said once."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.config.document import Draft
from flowgate.domain import Tree
from flowgate.errors import UnknownName, UsageError

SUPPORTED = (1, 2)
CURRENT = 2
BILLING = "/health"
FREE = {"readiness_path": "/health/readiness", "health_path": "/health/liveliness"}
UNREAL = "/v0/management/oauth/"


def migrate(draft: Draft) -> None:
    """Bring a config up to date, in place.

    Raises:
        FlowGateError: nothing.
        FlowGateError: What cannot be brought up to date is among `draft.faults`.
    """
    for step in STEPS:
        step(draft)


def _version(draft: Draft) -> None:
    found = draft.tree.get("config_version", CURRENT)
    if found in SUPPORTED and not isinstance(found, bool):
        if found != CURRENT:
            draft.note(
                "config_version", f"version {found} is read as version {CURRENT}; write `config_version: {CURRENT}`"
            )
        draft.tree["config_version"] = CURRENT
        return
    versions = " and ".join(map(str, SUPPORTED))
    draft.faults.append(
        UsageError(
            f"config_version {found!r} is not supported; supported are {versions}",
            place=draft.place("config_version"),
            fix=f"write `config_version: {CURRENT}`",
        )
    )


def _rename(draft: Draft, parent: Tree, old: str, new: str, at: str) -> None:
    """Move a key to its new name within one mapping."""
    if old not in parent:
        return
    path = f"{at}.{old}" if at else old
    target = f"{at}.{new}" if at else new
    if new in parent:
        what = f"both '{path}' and its new spelling '{target}' are written"
        draft.faults.append(UsageError(what, place=draft.place(path), fix=f"keep '{target}' only"))
        parent.pop(old)
        return
    renamed = {new if key == old else key: value for key, value in parent.items()}
    parent.clear()
    parent.update(renamed)
    draft.move(path, target)
    draft.note(path, f"'{path}' is now written '{target}'")


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
        what = "both 'oauth' and its new spelling 'auth.providers' are written"
        draft.faults.append(UsageError(what, place=draft.place("oauth"), fix="keep 'auth.providers' only"))
        return
    at = "oauth"
    if isinstance(old, dict) and "providers" in old:
        at = "oauth.providers"
        others = [f"oauth.{key}" for key in old if key != "providers"]
        draft.faults += [UnknownName("key", one, known=(at,), at=draft.place(one)) for one in others]
        old = old["providers"]
    if auth is None or isinstance(auth, dict):  # anything else is refused where `auth` is read
        draft.tree["auth"] = {**(auth or {}), "providers": old}
    draft.move(at, "auth.providers")
    draft.note(at, f"'{at}' is now written 'auth.providers'")


def _billing_health(draft: Draft) -> None:
    services = draft.tree.get("services")
    litellm = services.get("litellm") if isinstance(services, dict) else None
    if not isinstance(litellm, dict):
        return
    for key, free in FREE.items():
        if str(litellm.get(key) or "").partition("?")[0].rstrip("/") == BILLING:
            litellm[key] = free
            text = f"LiteLLM's {BILLING} calls every model for real and costs money; {free} is asked instead"
            draft.note(f"services.litellm.{key}", text)


def _unreal_addresses(draft: Draft) -> None:
    auth = draft.tree.get("auth")
    providers = auth.get("providers") if isinstance(auth, dict) else None
    for name, one in providers.items() if isinstance(providers, dict) else ():
        for key in ("auth_url_endpoint", "status_endpoint"):
            if isinstance(one, dict) and UNREAL in str(one.get(key) or ""):
                address = one.pop(key)
                text = f"{address} does not exist on the real server; FlowGate's own table of addresses is used"
                draft.note(f"auth.providers.{name}.{key}", text)


STEPS: tuple[Callable[[Draft], None], ...] = (
    _version,
    _secrets,
    _service_name,
    _oauth,
    _billing_health,
    _unreal_addresses,
)
