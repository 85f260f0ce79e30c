"""Read a backup: decrypt it, check every member, and find where each goes on this machine."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO

from flowgate.cli import backup_contents
from flowgate.cli.backup_contents import CONFIG, INCLUDED, LEDGER, MANIFEST, Manifest
from flowgate.config.loader import read as read_config
from flowgate.domain import Config
from flowgate.errors import UsageError
from flowgate.system import encrypted_archive, files, locations
from flowgate.system.disk_errors import translate_os_errors

BLOCK = 1 << 20
DAMAGED = "use another copy of it"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was read and checked.

    Attributes:
        path: Its file.
        digest: SHA-256 of the file.
        manifest: The list of its files.
        packed: Its content.
        texts: The config files, by the names of the members.
    """

    path: Path
    digest: str
    manifest: Manifest
    packed: bytes = field(repr=False)
    texts: dict[str, bytes] = field(repr=False)

    def config(self, file: Path) -> Config:
        """Read its config for the place in which it is restored.

        Args:
            file: Where the config goes; the shipped file for the embedded default.

        Raises:
            UsageError: It cannot be read.
        """
        if self.manifest.embedded:
            embedded = locations.examples() / "embedded.yaml"
            return read_config(files.read_text(embedded), embedded, root=locations.state_folder(), embedded=True)
        names = {f"{file.parent / one}": f"{INCLUDED}{number:03}" for number, one in enumerate(self.manifest.included)}

        def included(path: Path) -> str:
            name = names.get(str(path), "")
            if name not in self.texts:
                raise UsageError(f"{path} is not in the backup, although its config includes it")
            return self._text(name)

        return read_config(self._text(CONFIG), file, read_file=included)

    def _text(self, name: str) -> str:
        if name not in self.texts:
            raise UsageError(f"{self.path} is not a backup of FlowGate: it has no config", fix=DAMAGED)
        return self.texts[name].decode(errors="replace")

    def unpack(self, folder: Path) -> None:
        """Write its files into a folder, with their names; 0600, in folders of 0700.

        Args:
            folder: An empty folder.

        Raises:
            DiskError: A file cannot be written.
        """
        for name, source in encrypted_archive.members(self.packed, self.path):
            if name != MANIFEST:
                files.make_private_folder((folder / name).parent)
                with translate_os_errors(folder / name):
                    files.write_private(folder / name, iter(partial(source.read, BLOCK), b""))


def read(path: Path, passphrase: str) -> Backup:
    """Read a backup and check all of it; nothing is written.

    Args:
        path: The file.
        passphrase: What opens it.

    Raises:
        UsageError: The passphrase is another one, or the file is no backup that this FlowGate can restore.
    """
    packed = encrypted_archive.read(path, passphrase)
    manifest, missing, texts = None, {}, {}
    for name, source in encrypted_archive.members(packed, path):
        if manifest is None:
            if name != MANIFEST:
                raise UsageError(f"{path} is not a backup of FlowGate: it begins with {name!r}", fix=DAMAGED)
            manifest = backup_contents.parse_manifest(source.read(), path)
            missing = {one.name: one for one in manifest.files}
            continue
        wanted = missing.pop(name, None)
        keep = wanted is not None and wanted.kind == "config"
        size, digest, text = _measure(source, keep)
        if wanted is None or (size, digest) != (wanted.size, wanted.sha256):
            raise UsageError(f"{path} is damaged: {name!r} is not as its list of files says", fix=DAMAGED)
        if keep:
            texts[name] = text
    if manifest is None or missing:
        lost = next(iter(missing), MANIFEST)
        raise UsageError(f"{path} is damaged: {lost!r} is missing", fix=DAMAGED)
    return Backup(path, files.file_digest(path), manifest, packed, texts)


def _measure(source: IO[bytes], keep: bool) -> tuple[int, str, bytes]:
    """Return size, digest and, if it is kept, the content of a member."""
    size, digest, text = 0, hashlib.sha256(), bytearray()
    while block := source.read(BLOCK):
        size += len(block)
        digest.update(block)
        if keep:
            text += block
    return size, digest.hexdigest(), bytes(text)


def require_usable_ledger(folder: Path, backup: Backup) -> None:
    """Refuse a backup whose ledger this FlowGate cannot use.

    Args:
        folder: Where it was unpacked.
        backup: The backup.

    Raises:
        UsageError: The ledger is damaged or newer.
    """
    from flowgate.ledger import snapshot

    if (folder / LEDGER).is_file() and (fault := snapshot.fault(folder / LEDGER)):
        raise UsageError(f"the ledger in {backup.path} {fault}", fix=DAMAGED)
