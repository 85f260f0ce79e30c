"""What must stay private: secrets on the disk, keys that everybody knows, the management interface."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote

from flowgate.cli.checks import example_keys
from flowgate.cli.checks.finding import Finding, edit_command
from flowgate.cli.checks.permissions import exposed, secrets_folder
from flowgate.cli.session import Session
from flowgate.domain import Config
from flowgate.gateway import cliproxy
from flowgate.gateway.environment import KEY_FILES
from flowgate.system import files

LOOPBACK = ("127.", "localhost", "::1")


def secrets(session: Session) -> Iterator[Finding]:
    """Check that secret files are 0600 and their folders 0700."""
    found = exposed(session.config)
    for one in found:
        message = f"{one.path} can be read by others ({one.mode:03o}, {one.wanted:03o} belongs there)"
        yield Finding("secrets", "fail", message, one.command())
    if not found:
        yield Finding("secrets", "pass", "secret files and folders are private")


# --- keys


def keys(session: Session) -> Iterator[Finding]:
    """Check that no key in use is one that documentation shows."""
    known = example_keys.known_keys()
    found = [*_in_config(session.config, known), *_in_upstream(session.config, known), *_in_store(session, known)]
    yield from found
    if not found:
        yield Finding("keys", "pass", "no key in use is an example's")


def _in_config(config: Config, known: frozenset[str]) -> Iterator[Finding]:
    env = {name: {"env": dict(service.env)} for name, service in config.services.items()}
    tree = {"litellm_base": config.litellm_base, "profiles": dict(config.profiles), "services": env}
    for path, text in example_keys.texts(tree):
        if text in known:
            place = config.place(path)
            yield Finding("keys", "fail", f"'{path}' is a key that documentation shows ({place})", edit_command(place))


def _in_upstream(config: Config, known: frozenset[str]) -> Iterator[Finding]:
    own = cliproxy.user_config(config)
    text = files.read_text_or_none(own) if own else None
    for path, value in example_keys.texts(example_keys.tree_of(text or "")):
        if value in known:
            line = next((n for n, row in enumerate((text or "").splitlines(), 1) if value in row), 1)
            message = f"'{path}' of {own} is a key that documentation shows"
            yield Finding("keys", "fail", message, edit_command(f"{own}:{line}"))


def _in_store(session: Session, known: frozenset[str]) -> Iterator[Finding]:
    folder = secrets_folder(session.config)
    needed = {one.name for one in session.config.references} | set(KEY_FILES)
    for name in sorted(needed):
        if session.environment.get(name) in known:
            yield Finding("keys", "fail", f"the variable {name} holds a key that documentation shows", f"unset {name}")
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_file() and (files.read_text_or_none(path) or "").strip() in known:
            message = f"{path} holds a key that documentation shows; `inv up` makes a fresh one of our own"
            yield Finding("keys", "fail", message, f"rm {quote(str(path))}")


# --- the management interface


def management(session: Session) -> Iterator[Finding]:
    """Check that the upstream's management answers this machine only."""
    config = session.config
    hosts = {name: service.host for name, service in config.services.items()}
    for name, host in hosts.items():
        if not host.startswith(LOOPBACK):
            place = config.place(f"services.{name}.host")
            yield Finding("management", "fail", f"{name} listens on {host}, beyond this machine", edit_command(place))
    rendered = config.paths.runtime_dir / "cliproxyapi.yaml"
    text = files.read_text_or_none(rendered)
    wrong = _opened(example_keys.tree_of(text)) if text is not None else ""
    if wrong:
        yield Finding(
            "management", "fail", f"{rendered} {wrong}; `inv up` writes it anew", f"rm {quote(str(rendered))}"
        )
    elif all(host.startswith(LOOPBACK) for host in hosts.values()):
        yield Finding("management", "pass", "management answers this machine only")


def _opened(tree: object) -> str:
    """Say how a rendered upstream config opens the management interface; nothing when it does not."""
    if not isinstance(tree, dict):
        return "is no YAML mapping"
    if not str(tree.get("host") or "").startswith(LOOPBACK):
        return "lets the upstream listen beyond this machine"
    remote = tree.get("remote-management")
    if not isinstance(remote, dict) or remote.get("allow-remote") is not False:
        return "allows management from other machines"
    return ""
