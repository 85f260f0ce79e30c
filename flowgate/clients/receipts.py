"""Receipts: what `client.add` wrote into which file, so that `client.remove` takes back exactly that.

A receipt has the values that were there before, and fingerprints of the written ones; the client's key is not in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from flowgate.clients.formats.common import Made
from flowgate.clients.owned_values import EDITORS, Owned, Ownership
from flowgate.clients.program import Entry, Format, KeyPath
from flowgate.errors import UsageError
from flowgate.system import files

VERSION = 1


@dataclass(frozen=True, slots=True)
class FileReceipt:
    """What FlowGate owns in one file.

    Attributes:
        path: The file, as the program names it; links are followed again when it is used.
        format: How it is written.
        ownership: The owned values.
        was_there: The file existed before.
        folders: The folders that were created for it, the innermost first.
    """

    path: Path
    format: Format
    ownership: Ownership
    was_there: bool
    folders: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What FlowGate wrote for one client.

    Attributes:
        program: The client program's name.
        files: The files.
        model: The typed model for the main work; empty if the profile's was taken.
        small_model: The typed model for background work.
    """

    program: str
    files: Mapping[Path, FileReceipt] = field(default_factory=dict)
    model: str = ""
    small_model: str = ""


def path_of(folder: Path, client: str) -> Path:
    """Return the file of a client's receipt.

    Args:
        folder: The folder of secrets.
        client: The client's name.
    """
    return folder / "clients" / f"{client}.json"


def withheld_of(path: Path) -> Path:
    """Return where a receipt is kept whose credentials did not come back.

    Args:
        path: The receipt's file.
    """
    return path.parent / "withheld" / path.name


def read(path: Path) -> Receipt | None:
    """Read a receipt.

    Args:
        path: Its file.

    Returns:
        The receipt; None if there is none.

    Raises:
        UsageError: It is damaged.
    """
    text = files.read_text_or_none(path)
    if text is None:
        return None
    try:
        content = json.loads(text)
        if content["version"] != VERSION:
            raise UsageError(f"{path} was written by a newer FlowGate", fix="use that one, or a newer one")
        found = [_file(one) for one in content["files"]]
        models = (str(content["model"]), str(content["small_model"]))
        return Receipt(str(content["program"]), {one.path: one for one in found}, *models)
    except (ValueError, KeyError, TypeError, AttributeError):
        fix = f"take the client's values out of its configuration yourself, then delete it: rm {path}"
        raise UsageError(f"{path}, which says what was written, is damaged", fix=fix) from None


def write(path: Path, receipt: Receipt) -> None:
    """Write a receipt.

    Args:
        path: Its file.
        receipt: The receipt.

    Raises:
        DiskError: It cannot be written.
    """
    content = {
        "version": VERSION,
        "program": receipt.program,
        "model": receipt.model,
        "small_model": receipt.small_model,
        "files": [
            {
                "path": str(one.path),
                "format": one.format,
                "was_there": one.was_there,
                "folders": [str(folder) for folder in one.folders],
                "unended": one.ownership.unended,
                "values": [{"path": _plain(key), **asdict(owned)} for key, owned in one.ownership.values.items()],
                "made": [{"path": _plain(key), **asdict(made)} for key, made in one.ownership.made.items()],
            }
            for one in receipt.files.values()
        ],
    }
    files.write_atomic(path, json.dumps(content, indent=1) + "\n")


def _file(content: Mapping[str, object]) -> FileReceipt:
    values = {
        _path(one["path"]): Owned(_text(one["previous"]), str(one["written"])) for one in _list(content["values"])
    }
    made = {
        _path(one["path"]): Made(str(one["before"]), str(one["after"]), _text(one["inner"]))
        for one in _list(content["made"])
    }
    format_ = next(one for one in EDITORS if one == content["format"])
    ownership = Ownership(values, made, bool(content["unended"]))
    folders = tuple(Path(str(one)) for one in _list(content["folders"]))
    return FileReceipt(Path(str(content["path"])), format_, ownership, bool(content["was_there"]), folders)


def _list(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list):
        raise TypeError
    return value


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _plain(path: KeyPath) -> list[object]:
    return [one if isinstance(one, str) else {"key": one.key, "value": one.value} for one in path]


def _path(content: object) -> KeyPath:
    parts = content if isinstance(content, list) else []
    return tuple(one if isinstance(one, str) else Entry(str(one["key"]), str(one["value"])) for one in parts)
