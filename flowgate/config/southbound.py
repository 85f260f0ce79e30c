"""Whether the gateway has a CLIProxyAPIPlus: its section of the config, or a setting that uses it without the section.

A config without `services.cliproxyapi_plus` runs LiteLLM alone. Older versions supplied the section's defaults instead:
they still do where a setting uses the program, and that is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from flowgate.config.document import Draft
from flowgate.config.remote_upstream import is_remote
from flowgate.config.yaml_source import Tree
from flowgate.domain import ImpliedService

LITELLM, UPSTREAM = "litellm", "cliproxyapi_plus"
PORTS = {LITELLM: 4000, UPSTREAM: 8317}
HOST = "127.0.0.1"
KEY = "os.environ/UPSTREAM_API_KEY"


def names_address(url: object, host: str, port: int) -> bool:
    """Return whether a URL leads to an address of this machine.

    Args:
        url: The URL; anything else leads nowhere.
        host: The host of the address.
        port: Its port.
    """
    try:
        parts = urlsplit(str(url or ""))
        found = parts.port
    except ValueError:  # not a URL, or an invalid port: LiteLLM reports it
        return False
    return found == port and parts.hostname in (host, "localhost", HOST)


def names_of_services(draft: Draft) -> tuple[tuple[str, ...], ImpliedService | None]:
    """Return the services of a config; a note says so if one of them is only implied.

    Args:
        draft: The config, with the files that it includes.

    Returns:
        The names, and what implies CLIProxyAPIPlus; None if the config names it, or does not use it.
    """
    services = draft.tree.get("services")
    if is_remote(services):
        return (LITELLM,), None
    if isinstance(services, dict) and UPSTREAM in services:
        return tuple(PORTS), None
    if services is not None and not isinstance(services, dict):
        return tuple(PORTS), None  # an error, which is reported when the section is read
    uses = list(_uses(draft.tree))
    if not uses:
        return (LITELLM,), None
    path, why = uses[0]
    found = ImpliedService(why, draft.place(path), len(uses) - 1)
    what = f"services.{UPSTREAM} is not in the config, but {why} uses it{found.others}"
    advice = f"it has its defaults ({HOST}:{PORTS[UPSTREAM]}): write `{UPSTREAM}: {{}}` below `services`"
    draft.notes.append(f"{found.place}: {what}; {advice}")
    return tuple(PORTS), found


def _uses(tree: Tree) -> Iterator[tuple[str, str]]:
    """Yield the path of each setting that uses CLIProxyAPIPlus, and the setting in words."""
    for path, entry in _deployments(tree):
        params = entry.get("litellm_params")
        if not isinstance(params, dict):
            continue
        model = f"model '{entry.get('model_name')}'"
        if names_address(params.get("api_base"), HOST, PORTS[UPSTREAM]):
            yield f"{path}.litellm_params.api_base", f"{model} ({params['api_base']})"
        elif params.get("api_key") == KEY:
            yield f"{path}.litellm_params.api_key", f"{model} ({KEY})"
    for path in (f"services.{LITELLM}.depends_on", "auth.providers", "bootstrap"):
        value = _at(tree, path)
        if value and (not path.endswith("depends_on") or (isinstance(value, list) and UPSTREAM in value)):
            yield path, f"'{path}'"


def _deployments(tree: Tree) -> Iterator[tuple[str, Tree]]:
    profiles = tree.get("profiles")
    names = [f"profiles.{name}" for name in profiles] if isinstance(profiles, dict) else []
    for root in ("litellm_base", *names):
        models = _at(tree, f"{root}.model_list")
        for index, entry in enumerate(models if isinstance(models, list) else ()):
            if isinstance(entry, dict):
                yield f"{root}.model_list.{index}", entry


def _at(tree: Tree, path: str) -> object:
    value: object = tree
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value
