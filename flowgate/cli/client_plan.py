"""What is known of a client before its program's files are written: its key, its receipt, the models, other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.cli import clients, console
from flowgate.cli.client_run import Gateway, machine
from flowgate.cli.session import Session
from flowgate.clients import configuring, other_tools, receipts
from flowgate.clients.configuring import FileChange
from flowgate.clients.endpoint import root
from flowgate.clients.keys import Keys, keys_of
from flowgate.clients.names import check_name
from flowgate.domain import Secret
from flowgate.domain.client_keys import ClientKey, Limits
from flowgate.errors import UsageError
from flowgate.gateway import client_models
from flowgate.system import files

if TYPE_CHECKING:
    from flowgate.clients.program import ClientProgram, Endpoint, Machine
    from flowgate.clients.receipts import Receipt

PLACEHOLDER = "fg-the-key-of-this-client"  # stands for a key that is not made yet; never written


@dataclass(frozen=True, slots=True)
class How:
    """How a client's configuration is to be written.

    Attributes:
        model: The model for the main work; empty for the profile's first.
        small_model: The model for background work; empty to choose.
        check: Only say what would change.
        diff: Show the lines that change.
        print_only: Print the configuration, and write no file.
    """

    model: str = ""
    small_model: str = ""
    check: bool = False
    diff: bool = False
    print_only: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """One client whose program's files are written.

    Attributes:
        name: Its name.
        program: Its program.
        machine: The user's machine.
        known: Its key's record; None if it has none yet.
        receipt: What was written before; None for nothing.
        limits: What it may do; None if nothing was typed.
    """

    name: str
    program: ClientProgram
    machine: Machine
    known: ClientKey | None
    receipt: Receipt | None = field(repr=False)
    limits: Limits | None

    @property
    def receipt_path(self) -> Path:
        """Return where its receipt is."""
        return receipts.path_of(self.machine.secrets, self.name)


def find_client(session: Session, name: str, program: ClientProgram, typed: Mapping[str, str]) -> Client:
    """Look up a client.

    Args:
        session: The config.
        name: Its name.
        program: Its program.
        typed: The typed limits.

    Raises:
        UsageError: The name cannot be used, or is another client's.
    """
    check_name(name)
    place = machine(session)
    limits = clients.typed_limits(session, typed) if any(typed.values()) else None
    receipt = receipts.read(receipts.path_of(place.secrets, name))
    known = keys_of(session.config).read().get(name)
    remove_first = f"inv client.remove {name}, or add another name"
    if receipt and receipt.program != program.name:
        raise UsageError(f"the client '{name}' is for {receipt.program}, not {program.name}", fix=remove_first)
    if known and receipt is None and known.program != program.name:
        what = f"a client is called '{name}' already, and its key cannot be read again"
        raise UsageError(what, fix=remove_first)
    return Client(name, program, place, known, receipt, limits)


def remembered(client: Client, how: How) -> How:
    """Return how a client's configuration is written, with the models that were typed before unless others are.

    Args:
        client: The client.
        how: What was typed.
    """
    before = client.receipt
    return (
        how
        if how.model or how.small_model or not before
        else replace(how, model=before.model, small_model=before.small_model)
    )


def endpoint(session: Session, client: Client, key: Secret, how: How) -> Endpoint:
    """Return the gateway as a client sees it; it need not run.

    Args:
        session: The config.
        client: The client.
        key: Its key.
        how: The models.

    Raises:
        UnknownName: The gateway answers no such model.
    """
    from flowgate.cli.ask import requested_model
    from flowgate.cli.checks.runtime import read_only_context

    context = read_only_context(session, [])
    chosen = client_models.of_stack(context.stack())
    main = requested_model(context, how.model or chosen.model)
    small = (
        requested_model(context, how.small_model) if how.small_model else (main if how.model else chosen.small_model)
    )
    settings = session.config.services[clients.SERVICE]
    running = session.supervisor.generation(clients.SERVICE)
    address = root(settings.host, running["port"] if running else settings.port)
    return Gateway(address, main, small or main, chosen.models).endpoint(client.name, key)


def with_key(sketch: Endpoint, key: Secret) -> Endpoint:
    """Return the gateway with another key.

    Args:
        sketch: The gateway, as a client sees it.
        key: The key.
    """
    return replace(sketch, key=key.reveal())


def current_key(client: Client, keys: Keys, sketch: Endpoint) -> Secret | None:
    """Return the key that the files have, if it is still the client's.

    Args:
        client: The client.
        keys: The keys.
        sketch: The gateway, with the placeholder for a key.
    """
    if client.receipt is None or client.known is None:
        return None
    owned = client.program.files(client.machine, sketch)
    value = configuring.value_of(client.receipt, owned, PLACEHOLDER)
    return Secret(value) if isinstance(value, str) and keys.verify(client.name, value) else None


def make_key(client: Client, keys: Keys) -> tuple[Secret, str]:
    """Make or replace a client's key.

    Args:
        client: The client.
        keys: The keys.

    Returns:
        The key, and what was done: "added" or "rotated".
    """
    if client.known is None:
        return keys.add(client.name, client.limits, client.program.name), "added"
    if client.limits:
        keys.set_limits(client.name, client.limits, client.program.name)
    return keys.rotate(client.name), "rotated"


def refuse_others(client: Client, changes: Iterable[FileChange]) -> None:
    """Refuse files of another client or of an active tool; name those of which something is left.

    Args:
        client: The client.
        changes: Its files.

    Raises:
        UsageError: A file is somebody else's.
    """
    found = list(changes)
    folder = client.receipt_path.parent
    for path in files.listing(folder, "*.json"):
        other = receipts.read(path) if path.stem != client.name else None
        shared = [one.named for one in found if other and one.named in other.files]
        if shared:
            what = f"{shared[0]} is written for the client '{path.stem}' already"
            raise UsageError(what, fix=f"inv client.remove {path.stem}, or use that client")
    home = client.machine.home
    fresh = [(one.before.path, one.before.text) for one in found if one.before.text is not None]
    other_tools.refuse_active(fresh, home)
    for path, text in fresh:
        for line in other_tools.notices(path, text, home):
            console.note(f"note: {line}")
