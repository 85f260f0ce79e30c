"""Checks of what must stay private: secret files, keys that documentation shows, the management interface."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from flowgate.cli.checks import example_keys
from flowgate.cli.checks.finding import Finding, edit_command, error_findings
from flowgate.cli.checks.permissions import exposed, secrets_folder
from flowgate.cli.session import Session
from flowgate.domain import Config
from flowgate.gateway import cliproxy, mistyped_references
from flowgate.gateway.environment import KEY_FILES
from flowgate.system import files

LOOPBACK = ("127.", "localhost", "::1")


def secrets(session: Session) -> Iterator[Finding]:
    """Check that secret files have the mode 0600 and their folders 0700."""
    for folder in (secrets_folder(session.config), cliproxy.auth_folder(session.config)):
        files.require_listable(folder)
    found = exposed(session.config)
    for one in found:
        message = f"other users can read {one.path} (mode {one.mode:03o}, should be {one.wanted:03o})"
        yield Finding("secrets", "fail", message, one.command())
    if not found:
        yield Finding("secrets", "pass", "secret files and folders are private")


# --- keys


def keys(session: Session) -> Iterator[Finding]:
    """Check that no key in use is one that documentation shows."""
    known = example_keys.known_keys()
    found = [
        *_config_keys(session.config, known),
        *_upstream_keys(session.config, known),
        *_stored_keys(session, known),
        *_mistyped(session),
    ]
    yield from found
    if not found:
        yield Finding("keys", "pass", "no key in use comes from an example")


def _config_keys(config: Config, known: frozenset[str]) -> Iterator[Finding]:
    env = {name: {"env": dict(service.env)} for name, service in config.services.items()}
    tree = {"litellm_base": config.litellm_base, "profiles": dict(config.profiles), "services": env}
    for path, text in example_keys.texts(tree):
        if text in known:
            place = config.place(path)
            message = f"'{path}' is an example key from documentation ({place})"
            yield Finding("keys", "fail", message, edit_command(place))


def _mistyped(session: Session) -> Iterator[Finding]:
    """Find keys that are the name of a variable or a mistyped reference."""
    config = session.config
    faults = [one for name in config.profiles for one in mistyped_references.faults(config, name)]
    yield from dict.fromkeys(finding for fault in faults for finding in error_findings("keys", fault))


def _upstream_keys(config: Config, known: frozenset[str]) -> Iterator[Finding]:
    own = cliproxy.user_config(config)
    text = files.read_text_or_none(own) if own else None
    for path, value in example_keys.texts(example_keys.parse_yaml(text or "")):
        if value in known:
            line = next((n for n, row in enumerate((text or "").splitlines(), 1) if value in row), 1)
            message = f"'{path}' of {own} is an example key from documentation"
            yield Finding("keys", "fail", message, edit_command(f"{own}:{line}"))


def _stored_keys(session: Session, known: frozenset[str]) -> Iterator[Finding]:
    folder = secrets_folder(session.config)
    needed = {one.name for one in session.config.references} | set(KEY_FILES)
    for name in sorted(needed):
        if session.environment.get(name) in known:
            message = f"the environment variable {name} holds an example key from documentation"
            yield Finding("keys", "fail", message, f"unset {name}")
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and (files.read_text_or_none(path) or "").strip() in known:
            message = (
                f"{path} holds an example key from documentation; `inv up` generates a new one once the file is gone"
            )
            yield Finding("keys", "fail", message, f"rm {quote(str(path))}")


# --- the management interface


def management(session: Session) -> Iterator[Finding]:
    """Check that CLIProxyAPIPlus' management interface can be reached from this machine only."""
    config = session.config
    hosts = {name: service.host for name, service in config.services.items()}
    for name, host in hosts.items():
        if not host.startswith(LOOPBACK):
            place = config.place(f"services.{name}.host")
            message = f"{name} listens on {host}, which other machines can reach"
            yield Finding("management", "fail", message, edit_command(place))
    rendered = config.paths.runtime_dir / "cliproxyapi.yaml"
    text = files.read_text_or_none(rendered)
    problem = _exposure(example_keys.parse_yaml(text)) if text is not None else ""
    if problem:
        message = f"{rendered} {problem}; `inv up` writes it again once the file is gone"
        yield Finding("management", "fail", message, f"rm {quote(str(rendered))}")
    elif all(host.startswith(LOOPBACK) for host in hosts.values()):
        what = "the management interface" if cliproxy.is_configured(config) else "the gateway"
        yield Finding("management", "pass", f"{what} can be reached from this machine only")


def _exposure(tree: object) -> str:
    """Describe how a rendered config exposes the management interface; empty if it does not."""
    if not isinstance(tree, dict):
        return "is not a YAML mapping"
    if not str(tree.get("host") or "").startswith(LOOPBACK):
        return "makes CLIProxyAPIPlus listen on an address that other machines can reach"
    remote = tree.get("remote-management")
    if not isinstance(remote, dict) or remote.get("allow-remote") is not False:
        return "allows management from other machines"
    return ""
