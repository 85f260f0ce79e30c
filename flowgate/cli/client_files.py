"""The files that `client.add NAME --program P` writes and `client.remove` takes back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from flowgate.cli import arguments, client_plan, clients, console
from flowgate.cli.client_files_told import tell, tell_file
from flowgate.cli.client_plan import PLACEHOLDER, Client, How
from flowgate.cli.client_run import machine
from flowgate.cli.session import Session, hide_secrets
from flowgate.clients import configuring, receipts, registry
from flowgate.clients.configuring import FileChange
from flowgate.clients.keys import Keys, keys_of
from flowgate.clients.names import check_name
from flowgate.clients.receipts import Receipt
from flowgate.domain import Secret
from flowgate.errors import UsageError

if TYPE_CHECKING:
    from flowgate.clients.program import Endpoint, OwnedFile


def add(session: Session, name: str, program: str, limits: Mapping[str, str], how: How) -> int:
    """Write a program's configuration so that it asks the gateway with a key of its own.

    Args:
        session: The config.
        name: The client's name.
        program: The client program's name.
        limits: The typed limits of `client.add`.
        how: The models, and whether anything is written.

    Raises:
        UnknownName: There is no such program or model.
        UsageError: A file cannot be edited, another client or tool has it, or the name is taken; nothing is changed.
        DiskError: A file cannot be written.
    """
    given = arguments.named(name, "a name for the client")
    client = client_plan.find_client(session, given, registry.find(program), limits)
    keys, how = keys_of(session.config), client_plan.remembered(client, how)
    sketch = client_plan.endpoint(session, client, Secret(PLACEHOLDER), how)
    if how.print_only:
        return _print_only(session, client, keys, sketch)
    if client.program.impossible:
        what = f"{client.program.title} cannot use this gateway: {client.program.impossible}"
        fix = f"inv client.add {client.name} --program {client.program.name} --print shows the values"
        raise UsageError(what, fix=fix)
    found = client_plan.current_key(client, keys, sketch)
    changes = _plan(client, sketch, found or Secret(PLACEHOLDER))
    client_plan.refuse_others(client, changes)
    if how.check:
        tell(client, changes, how, key_is_new=found is None)
        return 0
    clients.note_unchecked(session)
    key = found or _new_key(session, client, keys)
    hide_secrets(session.config, session.environment, [key.reveal()])
    if found and client.limits:
        keys.set_limits(client.name, client.limits, client.program.name)
    changes = _plan(client, sketch, key)
    configuring.write(changes, Receipt(client.program.name, {}, how.model, how.small_model), client.receipt_path)
    tell(client, changes, how, key_is_new=found is None)
    for line in client.program.by_hand(client.machine, sketch):
        console.note(f"  then: {line}")
    return 0


def _new_key(session: Session, client: Client, keys: Keys) -> Secret:
    key, verb = client_plan.make_key(client, keys)
    clients.record_event(session, f"client_{verb}", client.name)
    return key


def rotate(session: Session, name: str, until: datetime | None) -> bool:
    """Replace the key of a client in the files of its program; the files are checked before the old key is void.

    Args:
        session: The config.
        name: The client's name.
        until: When the new key expires; None to keep what is set.

    Returns:
        Whether the client has files.

    Raises:
        UsageError: There is no such client, or a file cannot be edited; the old key goes on.
    """
    check_name(name)
    receipt = receipts.read(receipts.path_of(machine(session).secrets, name))
    if receipt is None:
        return False
    client = client_plan.find_client(session, name, registry.find(receipt.program), {})
    sketch = client_plan.endpoint(session, client, Secret(PLACEHOLDER), client_plan.remembered(client, How()))
    _plan(client, sketch, Secret(PLACEHOLDER))
    key = keys_of(session.config).rotate(name, expires=until)
    clients.record_event(session, "client_rotated", name)
    hide_secrets(session.config, session.environment, [key.reveal()])
    changes = _plan(client, sketch, key)
    configuring.write(changes, receipt, client.receipt_path)
    console.note(f"~ the client '{name}' has another key; the old one is not accepted any more")
    tell(client, changes, How(), key_is_new=False)
    return True


def _plan(client: Client, sketch: Endpoint, key: Secret) -> list[FileChange]:
    return configuring.plan(client.program.files(client.machine, client_plan.with_key(sketch, key)), client.receipt)


def remove(session: Session, name: str, *, check: bool = False, diff: bool = False) -> bool:
    """Take back what was written for a client.

    Args:
        session: The config.
        name: The client's name.
        check: Only say what would change.
        diff: Show the lines that change.

    Returns:
        Whether anything had been written for it.

    Raises:
        UsageError: A file cannot be edited; nothing is changed.
        DiskError: A file cannot be written.
    """
    check_name(name)
    path = receipts.path_of(machine(session).secrets, name)
    receipt = receipts.read(path)
    if receipt is None:
        return False
    changes = configuring.plan_removal(receipt)
    if not check:
        configuring.take_back(changes, path)
    for one in changes:
        tell_file(one, check=check, diff=diff)
        for value in one.kept:
            console.note(f"  kept: {value} in {one.named} was changed since; it stays as it is")
        for value in one.withheld:
            why = "the address beside it is another one now"
            console.note(f"  not put back: {value} in {one.named}, since {why}; see {receipts.withheld_of(path)}")
    return True


def _print_only(session: Session, client: Client, keys: Keys, sketch: Endpoint) -> int:
    """Print what would be written, with a new key of the client's own; a known client's key cannot be printed again."""
    key = client_plan.current_key(client, keys, sketch)
    if key is None and client.known is None:
        key = keys.add(client.name, client.limits, client.program.name)
        clients.record_event(session, "client_added", client.name)
        console.note(f"~ the client '{client.name}' has a key of its own; it is shown only now")
    if key is None:
        console.note(
            f"note: the key of '{client.name}' cannot be shown again; inv client.rotate {client.name} makes another"
        )
    shown = client_plan.with_key(sketch, key or Secret("THE-KEY-OF-THIS-CLIENT"))
    if client.program.impossible:
        console.note(f"! {client.program.title} cannot use this gateway: {client.program.impossible}")
    wanted: tuple[OwnedFile, ...] = client.program.files(client.machine, shown)
    for one in wanted:
        console.data(f"# {one.path}")
        console.data(configuring.snippet(one.format, {**one.if_missing, **one.values}).rstrip("\n"))
    for line in client.program.by_hand(client.machine, shown):
        console.data(f"# {line}")
    if not wanted:
        console.data(f"base URL: {shown.root}/v1\nkey: {shown.key}\nmodel: {shown.model}")
    return 0
