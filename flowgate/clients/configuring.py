"""The configuration files of a client program: what writing them would change, writing them, and taking it back.

All files are read and edited in memory first, so that one which cannot be edited leaves all as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowgate.clients import owned_values, receipts
from flowgate.clients.formats.common import CannotEdit, Malformed
from flowgate.clients.owned_values import Ownership
from flowgate.clients.program import Entry, Format, KeyPath, OwnedFile
from flowgate.clients.receipts import FileReceipt, Receipt
from flowgate.clients.taken_back import take_back as take_back_values
from flowgate.domain import Value
from flowgate.errors import UsageError
from flowgate.system import user_files
from flowgate.system.user_files import UserFile


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file, as it is and as it is to be.

    Attributes:
        named: The file, as the program names it.
        before: The file as it is.
        text: Its text afterwards; None if it is deleted.
        receipt: What is owned in it afterwards.
        replaced: The user's values that are replaced.
        changed: FlowGate's values that somebody changed since they were written; they are written again.
        kept: Values that were FlowGate's and somebody changed since; they stay.
        restored: Values that are again what they were before.
        withheld: Credentials that do not come back, since the address beside them is another one now.
    """

    named: Path
    before: UserFile = field(repr=False)
    text: str | None = field(repr=False)
    receipt: FileReceipt = field(repr=False)
    replaced: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Return whether the file is to be written or deleted."""
        return self.text != self.before.text


def plan(owned: Iterable[OwnedFile], receipt: Receipt | None) -> list[FileChange]:
    """Find what writing a program's files would change.

    Args:
        owned: The files, and the values in them.
        receipt: What was written before; None for nothing.

    Raises:
        UsageError: A file cannot be edited; the values to paste are in the message.
    """
    return [_plan_file(one, receipt.files.get(one.path) if receipt else None) for one in owned]


def _plan_file(owned: OwnedFile, known: FileReceipt | None) -> FileChange:
    before = user_files.look(owned.path)
    earlier = known.ownership if known and before.text is not None else None
    try:
        values = _values(owned, before, earlier)
        text = _without_others(before.text or "", owned.format, values, earlier)
        written = owned_values.write(text, owned.format, values, earlier)
    except CannotEdit as error:
        raise _refusal(owned.path, error, snippet(owned.format, owned.values)) from None
    was_there = known.was_there if known and earlier else before.text is not None
    receipt = FileReceipt(owned.path, owned.format, written.ownership, was_there, known.folders if known else ())
    return FileChange(owned.path, before, written.text, receipt, _names(written.replaced), _names(written.changed))


def _without_others(text: str, format_: Format, values: Mapping[KeyPath, Value], earlier: Ownership | None) -> str:
    """Take back what was written before and is not written any more, such as a model that the profile has no longer."""
    others = {path: one for path, one in earlier.values.items() if path not in values} if earlier else {}
    return take_back_values(text, format_, replace(earlier, values=others)).text if earlier and others else text


def _values(owned: OwnedFile, before: UserFile, earlier: Ownership | None) -> dict[KeyPath, Value]:
    """Return the values to write: those that the program demands too, unless the user has them."""
    known = earlier.values if earlier else {}
    text = before.text or ""
    missing = {
        path: value
        for path, value in owned.if_missing.items()
        if path in known or owned_values.value_at(text, owned.format, path) is None
    }
    return {**missing, **owned.values}


def plan_removal(receipt: Receipt) -> list[FileChange]:
    """Find what taking a client's values back would change.

    Args:
        receipt: What was written.

    Raises:
        UsageError: A file cannot be edited; the names of the values are in the message.
    """
    return [_plan_file_removal(one) for one in receipt.files.values()]


def _plan_file_removal(receipt: FileReceipt) -> FileChange:
    before = user_files.look(receipt.path)
    if before.text is None:
        return FileChange(receipt.path, before, None, receipt)
    try:
        back = take_back_values(before.text, receipt.format, receipt.ownership)
    except CannotEdit as error:
        what = "take these out yourself: " + ", ".join(_names(tuple(receipt.ownership.values)))
        raise _refusal(receipt.path, error, "", what) from None
    is_ours = not receipt.was_there and not back.text.strip().strip("{}").strip()
    text = None if is_ours else back.text
    return FileChange(
        receipt.path,
        before,
        text,
        receipt,
        kept=_names(back.kept),
        restored=_names(back.restored),
        withheld=_names(back.withheld),
    )


def write(changes: Iterable[FileChange], receipt: Receipt, path: Path) -> None:
    """Write files, and the receipt before them: what a crash leaves behind can be taken back.

    Args:
        changes: The changes.
        receipt: What else is to be noted.
        path: The receipt's file.

    Raises:
        DiskError: A file cannot be written.
    """
    found = list(changes)
    folders = {one.named: _missing_folders(one.before.path) or one.receipt.folders for one in found}
    known = {one.named: replace(one.receipt, folders=tuple(folders[one.named])) for one in found}
    receipts.write(path, replace(receipt, files=known))
    for one in found:
        if one.is_change and one.text is not None:
            user_files.write(one.before, one.text)


def take_back(changes: Sequence[FileChange], path: Path) -> None:
    """Write the files without the owned values; the receipt is deleted last, or kept aside for withheld credentials.

    Args:
        changes: The changes.
        path: The receipt's file.

    Raises:
        DiskError: A file cannot be written; the receipt stays, and the command can be run again.
    """
    for one in changes:
        if one.is_change and one.text is None:
            user_files.remove(one.before.path, list(one.receipt.folders))
        elif one.is_change and one.text is not None:
            user_files.write(one.before, one.text)
        elif one.text is None:
            user_files.remove_empty(list(one.receipt.folders))
    if any(one.withheld for one in changes):
        kept = receipts.withheld_of(path)
        user_files.write(user_files.look(kept), user_files.look(path).text or "")
    user_files.remove(path, [])


def value_of(receipt: Receipt, owned: Iterable[OwnedFile], value: Value) -> object:
    """Return what stands now where a value is to be written; None if it is nowhere.

    Args:
        receipt: What was written.
        owned: The files, and the values in them.
        value: The value, which is among those.
    """
    for one in owned:
        for path, each in one.values.items():
            if each == value and one.path in receipt.files:
                try:
                    return owned_values.value_at(user_files.look(one.path).text or "", one.format, path)
                except CannotEdit:
                    return None
    return None


def snippet(format_: Format, values: Mapping[KeyPath, Value]) -> str:
    """Return the values as the user would write them into an empty file.

    Args:
        format_: How the file is written.
        values: The values.
    """
    return owned_values.write("", format_, values, Ownership()).text


def _missing_folders(path: Path) -> list[Path]:
    return [one for one in path.parents if not one.exists()]


def _refusal(path: Path, error: CannotEdit, text: str, what: str = "") -> UsageError:
    place = f"{path}:{error.line}" if error.line else str(path)
    if isinstance(error, Malformed):
        return UsageError(f"{path} {error.reason}; nothing was written", place=place, fix="correct it first")
    lines = [what or "add this to it yourself:", *(f"  {line}" for line in text.splitlines())]
    return UsageError(f"{path} {error.reason}; nothing was written", place=place, fix="\n".join(lines))


def _names(paths: Iterable[KeyPath]) -> tuple[str, ...]:
    return tuple(".".join(_word(one) for one in path) for path in paths)


def _word(key: str | Entry) -> str:
    if isinstance(key, Entry):
        return f"[{key.value}]"
    return key if key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)
