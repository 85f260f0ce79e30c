"""`services.cliproxyapi_plus.remote`: a CLIProxyAPIPlus that runs elsewhere, and that several gateways may share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from flowgate.config.section import PREFIX, Section
from flowgate.domain import RemoteUpstream
from flowgate.domain.secret_names import HiddenValue

if TYPE_CHECKING:
    from flowgate.domain import ServiceSettings

NAME, GATEWAY = "cliproxyapi_plus", "litellm"
KEYS = ("remote", "key", "ca", "management_key", "allow_http")
LOCAL = ("localhost", "127.0.0.1", "::1")
MASTER_KEY = "LITELLM_MASTER_KEY"
EXAMPLE = "https://accounts.example.org:8317"


def is_remote(services: object) -> bool:
    """Return whether the `services` of a config name a remote CLIProxyAPIPlus.

    Args:
        services: The section as written.
    """
    own = services.get(NAME) if isinstance(services, dict) else None
    return isinstance(own, dict) and own.get("remote") is not None


def read(services: Section, root: Path) -> RemoteUpstream | None:
    """Read the remote CLIProxyAPIPlus; None if the config has none.

    Args:
        services: The `services` section.
        root: Folder that a relative `ca` is resolved against.
    """
    _refuse_elsewhere(services)
    if not is_remote(services.tree):
        return None
    section = services.section(NAME)
    section.only()
    for key in section.tree:
        if key in section.keys and key not in KEYS:
            what = f"'{section.at(key)}' is about a program that FlowGate starts, but 'remote' names one elsewhere"
            section.add_fault(key, what, f"remove {key}, or remote")
    url, ca = (
        section.optional_text("remote", f"write an address like {EXAMPLE}") or "",
        section.optional_path("ca", root),
    )
    allow_http = section.truth("allow_http")
    parts = _parts(section, url)
    if parts:
        _check_address(section, parts, allow_http=allow_http)
        _check_gateway(section, services, parts)
        _check_ca(section, parts, ca)
    key = _variable(section, "key")
    if "key" not in section.tree:
        what = f"'{section.at('remote')}' needs the key that it accepts (one of its api-keys)"
        section.add_fault("remote", what, f"write key: {PREFIX}NAME beside it, and set that variable")
    management = _variable(section, "management_key")
    return RemoteUpstream(url.rstrip("/"), key, ca, management, allow_http)


def adapt(
    services: dict[str, ServiceSettings], remote: RemoteUpstream | None, section: Section
) -> dict[str, ServiceSettings]:
    """Take away what waits for a program that FlowGate would start, and say so.

    Args:
        services: The services that FlowGate runs.
        remote: The remote CLIProxyAPIPlus.
        section: The `services` section.
    """
    own = services[GATEWAY]
    if remote is None or NAME not in own.depends_on:
        return services
    left = tuple(name for name in own.depends_on if name != NAME)
    place = section.draft.place(section.at(f"{GATEWAY}.depends_on"))
    section.draft.notes.append(f"{place}: {NAME} in depends_on has no effect: it runs at {remote.url}")
    return {**services, GATEWAY: replace(own, depends_on=left)}


def _refuse_elsewhere(services: Section) -> None:
    """Refuse the keys of a remote where they have no meaning."""
    for name in (GATEWAY, NAME):
        tree = services.tree.get(name)
        if not isinstance(tree, dict) or (name == NAME and tree.get("remote") is not None):
            continue
        for key in KEYS:
            if key in tree:
                section = services.section(name)
                if name == GATEWAY:
                    section.add_fault(
                        key, f"'{section.at(key)}' does not exist: FlowGate runs LiteLLM itself", "remove it"
                    )
                else:
                    section.add_fault(
                        key, f"'{section.at(key)}' is for a remote, and there is none", f"write remote: {EXAMPLE}"
                    )


def _parts(section: Section, url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = SplitResult("", "", "", "", "")
    if not url:
        return None
    if parts.username is not None or parts.password is not None:
        section.add_fault("remote", f"'{section.at('remote')}' contains a user or password", "write the key as key")
        return None
    if not parts.hostname or parts.query or parts.fragment:
        shown = HiddenValue() if "@" in url else f"'{url.partition('?')[0]}'"
        what = f"'{section.at('remote')}' is no address of a server: {shown}"
        section.add_fault("remote", what, f"write an address like {EXAMPLE}")
        return None
    return parts


def _check_address(section: Section, parts: SplitResult, *, allow_http: bool) -> None:
    if parts.path.rstrip("/").endswith("/v1"):
        what = f"'{section.at('remote')}' ends in /v1, which belongs to the paths below it"
        section.add_fault("remote", what, "leave out /v1")
    if parts.scheme == "http" and not is_local(parts.hostname or "") and not allow_http:
        what = f"'{section.at('remote')}' sends keys and prompts to {parts.hostname} without encryption"
        fix = "use https (a reverse proxy in front of it), or write allow_http: true if that network is yours alone"
        section.add_fault("remote", what, fix)


def _check_gateway(section: Section, services: Section, parts: SplitResult) -> None:
    """Refuse the address of this gateway's own LiteLLM, where no request would ever end."""
    own = services.tree.get(GATEWAY)
    port = own.get("port", 4000) if isinstance(own, dict) else 4000
    if is_local(parts.hostname or "") and parts.port == port:
        what = f"'{section.at('remote')}' is the address of this gateway itself"
        section.add_fault("remote", what, "write the address of the CLIProxyAPIPlus")


def _check_ca(section: Section, parts: SplitResult, ca: Path | None) -> None:
    if ca is not None and parts.scheme == "http":
        what = f"'{section.at('ca')}' has no effect: {parts.hostname} is asked over http"
        section.add_fault("ca", what, "write https in remote, or remove ca")


def _variable(section: Section, key: str) -> str:
    """Return the name of the variable that a key refers to; empty if it is absent or wrong."""
    value = section.tree.get(key)
    if value is None:
        return ""
    if not isinstance(value, str) or not value.startswith(PREFIX):
        fix = f"write it to a file of .router/secrets, or export it, and name it here: {PREFIX}NAME"
        what = f"'{section.at(key)}' is a key itself, and keys do not belong in the config"
        section.add_fault(key, what, fix)
        return ""
    section.refer(key, value)
    name = value.removeprefix(PREFIX)
    if name == MASTER_KEY:
        what = f"'{section.at(key)}' is the key of this gateway's own clients, which the remote must not learn"
        section.add_fault(key, what, "use another variable")
    return name


def is_local(host: str) -> bool:
    """Return whether a host is this machine.

    Args:
        host: Name or address.
    """
    return host in LOCAL or host.startswith("127.")
