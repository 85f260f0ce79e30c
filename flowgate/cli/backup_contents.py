"""What a backup contains, under which names, and where each goes when it is restored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from flowgate.cli.checks.permissions import secrets_folder
from flowgate.domain import Config
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import UsageError
from flowgate.gateway import cliproxy

MANIFEST = "flowgate-backup.json"  # the first member
FORMAT = 1
CONFIG, UPSTREAM, INCLUDED = "config/flowgate.yaml", "config/cliproxyapi.yaml", "config/included/"
ACCOUNTS, SECRETS, SECRET_FILES = "accounts/", "secrets/", "secret-files/"
STATE, LEDGER = "state.json", FILE_NAME
KINDS = {  # beginning of a member's name → what people call it
    CONFIG: "config",
    UPSTREAM: "config",
    INCLUDED: "config",
    ACCOUNTS: "accounts",
    SECRETS: "secrets and clients' keys",
    SECRET_FILES: "secrets and clients' keys",
    STATE: "active profile",
    LEDGER: "ledger",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file of a backup.

    Attributes:
        name: Its name.
        size: Its size in bytes.
        sha256: Its digest.
    """

    name: str
    size: int
    sha256: str

    @property
    def kind(self) -> str:
        """What people call it; empty if no backup contains it."""
        return next((kind for begin, kind in KINDS.items() if self.name == begin or _below(self.name, begin)), "")


def _below(name: str, begin: str) -> bool:
    return begin.endswith("/") and name.startswith(begin) and name != begin


@dataclass(frozen=True, slots=True)
class Manifest:
    """The first member.

    Attributes:
        created: When the backup was written.
        flowgate: The version of FlowGate that wrote it.
        host: Name of the machine.
        home: The user's home folder there.
        embedded: The embedded default was in use: there is no config.
        included: The files that the config includes: relative to its folder, or absolute.
        files: The other members.
    """

    created: str
    flowgate: str
    host: str
    home: str
    embedded: bool
    included: tuple[str, ...]
    files: tuple[Member, ...]

    def dump(self) -> bytes:
        """Return the text of the member."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()


def parse_manifest(data: bytes, path: Path) -> Manifest:
    """Read the first member of a backup.

    Args:
        data: Its content.
        path: The backup, for messages.

    Raises:
        UsageError: It is damaged, or a newer FlowGate wrote it.
    """
    try:
        content = json.loads(data)
        if content["format"] > FORMAT:
            what = f"{path} was written by a newer FlowGate (format {content['format']}; this one knows {FORMAT})"
            raise UsageError(what, fix="restore it with that FlowGate")
        rows = [Member(str(one["name"]), int(one["size"]), str(one["sha256"])) for one in content["files"]]
        found = Manifest(
            created=str(content["created"]),
            flowgate=str(content["flowgate"]),
            host=str(content["host"]),
            home=str(content["home"]),
            embedded=bool(content["embedded"]),
            included=tuple(str(one) for one in content["included"]),
            files=tuple(rows),
        )
    except (ValueError, KeyError, TypeError):
        fix = "give a file that `inv backup` wrote"
        raise UsageError(f"{path} is not a backup of FlowGate: its list of files is damaged", fix=fix) from None
    if unknown := next((one.name for one in found.files if not one.kind), ""):
        raise UsageError(f"{path} is not a backup of FlowGate: it contains {unknown!r}", fix="look where it comes from")
    return found


def sources(config: Config) -> Iterator[tuple[str, Path]]:
    """Yield the files of a backup, except the ledger: each name, and the file.

    Args:
        config: The config.
    """
    if not config.embedded:
        yield CONFIG, config.file
        upstream = cliproxy.user_config(config)
        if upstream is not None and upstream.is_file():
            yield UPSTREAM, upstream
        yield from ((f"{INCLUDED}{number:03}", path) for number, path in enumerate(config.included))
    accounts, secrets = cliproxy.auth_folder(config), secrets_folder(config)
    for begin, folder in ((ACCOUNTS, accounts), (SECRETS, secrets)):
        for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
            if path.is_file():
                yield begin + path.relative_to(folder).as_posix(), path
    for number, path in enumerate(config.secret_files):
        if path.is_file() and not path.is_relative_to(secrets) and not path.is_relative_to(accounts):
            yield f"{SECRET_FILES}{number:03}", path
    if config.paths.state_file.is_file():
        yield STATE, config.paths.state_file


def included_names(config: Config) -> tuple[str, ...]:
    """Return the included files as a manifest names them.

    Args:
        config: The config.
    """
    root = config.root
    return tuple(str(one.relative_to(root) if one.is_relative_to(root) else one) for one in config.included)


def targets(config: Config, manifest: Manifest) -> dict[str, Path]:
    """Return where the content of a backup goes: each file, or folder of files, and its path.

    Args:
        config: The config of the backup, read for the place in which it is restored.
        manifest: The list of files.

    Raises:
        UsageError: The config does not name what the backup contains.
    """
    upstream = cliproxy.user_config(config)
    known: Mapping[str, Path | None] = {
        CONFIG: config.file,
        UPSTREAM: upstream,
        ACCOUNTS.rstrip("/"): cliproxy.auth_folder(config),
        SECRETS.rstrip("/"): secrets_folder(config),
        STATE: config.paths.state_file,
        LEDGER: config.paths.runtime_dir / FILE_NAME,
        **{f"{INCLUDED}{number:03}": one for number, one in enumerate(config.included)},
        **{f"{SECRET_FILES}{number:03}": one for number, one in enumerate(config.secret_files)},
    }
    found: dict[str, Path] = {}
    for one in manifest.files:
        folder = next((begin for begin in (ACCOUNTS, SECRETS) if one.name.startswith(begin)), "")
        unit = folder.rstrip("/") or one.name
        target = known.get(unit)
        if target is None:
            raise UsageError(f"the backup contains {one.name!r}, but its config names no place for it")
        found[unit] = target
    return found
