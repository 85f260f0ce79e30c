"""Older spellings of the config, brought up to date one small step at a time; each change is said once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flowgate.errors import Mistake, Refusal
from flowgate.model import Tree

SUPPORTED = (1, 2)
CURRENT = 2
BILLING = "/health"
FREE = "/health/readiness"
UNREAL = "/v0/management/oauth/"


@dataclass(slots=True)
class Draft:
    """A config on its way: the tree, the place of every key, what was changed and what was found wrong."""

    tree: Tree
    place: Callable[[str], str]
    notes: list[str] = field(default_factory=list)
    faults: list[Refusal] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)

    def note(self, path: str, text: str) -> None:
        """Say once what was changed, and where."""
        self.notes.append(f"{self.place(path)}: {text}")


def migrate(draft: Draft) -> None:
    """Bring a config up to date, in place.

    Fails with: nothing; what cannot be brought up to date is among `draft.faults`
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
        Mistake(
            f"config_version {found!r} is not supported; supported are {versions}",
            place=draft.place("config_version"),
            hint=f"write `config_version: {CURRENT}`",
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
        draft.faults.append(Mistake(what, place=draft.place(path), hint=f"keep '{target}' only"))
        parent.pop(old)
        return
    renamed = {new if key == old else key: value for key, value in parent.items()}
    parent.clear()
    parent.update(renamed)
    draft.moved[target] = path
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
    auth = draft.tree.setdefault("auth", {})
    if not isinstance(auth, dict):
        return
    if "providers" in auth:
        what = "both 'oauth' and its new spelling 'auth.providers' are written"
        draft.faults.append(Mistake(what, place=draft.place("oauth"), hint="keep 'auth.providers' only"))
        draft.tree.pop("oauth")
        return
    old = draft.tree.pop("oauth")
    auth["providers"] = old.get("providers", old) if isinstance(old, dict) else old
    draft.moved["auth.providers"] = "oauth"
    draft.note("oauth", "'oauth' is now written 'auth.providers'")


def _billing_health(draft: Draft) -> None:
    services = draft.tree.get("services")
    litellm = services.get("litellm") if isinstance(services, dict) else None
    if isinstance(litellm, dict) and str(litellm.get("readiness_path", "")).rstrip("/") == BILLING:
        litellm["readiness_path"] = FREE
        text = f"LiteLLM's {BILLING} calls every model for real and costs money; {FREE} is asked instead"
        draft.note("services.litellm.readiness_path", text)


def _unreal_addresses(draft: Draft) -> None:
    auth = draft.tree.get("auth")
    providers = auth.get("providers") if isinstance(auth, dict) else None
    for name, one in providers.items() if isinstance(providers, dict) else ():
        for key in ("auth_url_endpoint", "status_endpoint"):
            if isinstance(one, dict) and str(one.get(key) or "").startswith(UNREAL):
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
