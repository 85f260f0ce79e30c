"""The command `backup`: accounts, secrets, config and ledger in one encrypted file."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate import __version__
from flowgate.cli import backup_contents, console, passphrase
from flowgate.cli.backup_contents import LEDGER, Manifest, Member
from flowgate.cli.columns import size
from flowgate.cli.session import Session, open_session
from flowgate.domain.ledger import FILE_NAME
from flowgate.errors import UsageError
from flowgate.system import encrypted_archive, files, processes, replace_file
from flowgate.system.atomic_write import write_bytes_atomic
from flowgate.system.clock import Clock, stamp

if TYPE_CHECKING:
    from collections.abc import Iterable

LEFT_OUT = "not in it: programs, logs, rendered files, steps and playbooks of your own, files of client programs"
WORK = "backup-"  # the beginning of the folder of the ledger's copy; the pid follows


def backup(config: str, file: str, passphrase_file: str, force: bool, check: bool) -> int:
    """Write a backup; the gateway may run meanwhile.

    Args:
        config: Path after `--config`; empty to search for the config.
        file: The file to write.
        passphrase_file: The file with the passphrase; empty: ask, or read stdin.
        force: Replace an existing file.
        check: List what it would contain, and write nothing.

    Raises:
        UsageError: The file exists, or there is no passphrase.
        EnvironmentFailure: Something cannot be read or written. No file is left.
    """
    session = open_session(config)
    console.note(session.describe())
    target = Path(file).expanduser().absolute()
    _check_target(target, force)
    found = list(backup_contents.sources(session.config))
    ledger = session.config.paths.runtime_dir / FILE_NAME
    if check:
        found += [(LEDGER, ledger)] if ledger.is_file() else []
        print_members([(name, path.stat().st_size) for name, path in found])
        console.note(f"{target} would be written; {LEFT_OUT}")
        return 0
    secret = passphrase.read(passphrase_file, new=True)
    work = _work_folder(session)
    try:
        # Each file is read once: an account's token may be replaced at any moment.
        contents: list[tuple[str, bytes | Path]] = [(name, files.read_bytes(path)) for name, path in found]
        copy = work / FILE_NAME
        if _copy_ledger(ledger, copy):
            contents.append((LEDGER, copy))
        manifest = _manifest(session, contents)
        data = encrypted_archive.pack([(backup_contents.MANIFEST, manifest.dump()), *contents], secret)
    finally:
        replace_file.delete_folder(work)
    write_bytes_atomic(target, data)
    print_members([(one.name, one.size) for one in manifest.files])
    console.data(str(target))
    console.note(f"{size(len(data))}, encrypted with the passphrase; {LEFT_OUT}")
    return 0


def _check_target(target: Path, force: bool) -> None:
    if target.is_dir():
        raise UsageError(f"{target} is a folder", fix=f"name a file in it: {target / 'flowgate.age'}")
    if target.exists() and not force:
        raise UsageError(f"{target} exists already", fix="name another file, or add --force to replace it")
    if not target.parent.is_dir():
        raise UsageError(f"there is no folder {target.parent}", fix=f"mkdir -p {target.parent}")


def _work_folder(session: Session) -> Path:
    """Create the folder of the ledger's copy; delete those of processes that were killed."""
    runtime = session.config.paths.runtime_dir
    files.make_private_folder(runtime)
    for old in runtime.glob(f"{WORK}*"):
        pid = old.name.removeprefix(WORK)
        if pid.isdigit() and processes.identify(int(pid)) is None:
            replace_file.delete_folder(old)
    work = runtime / f"{WORK}{processes.own_pid()}"
    replace_file.delete_folder(work)
    files.make_private_folder(work)
    return work


def _copy_ledger(ledger: Path, copy: Path) -> bool:
    from flowgate.ledger import snapshot

    return snapshot.copy(ledger, copy)


def _manifest(session: Session, contents: Iterable[tuple[str, bytes | Path]]) -> Manifest:
    config = session.config
    rows = tuple(_member(name, content) for name, content in contents)
    return Manifest(
        created=stamp(Clock().wall()),
        flowgate=__version__,
        host=platform.node(),
        home=str(Path.home()),
        embedded=config.embedded,
        included=backup_contents.included_names(config),
        files=rows,
    )


def _member(name: str, content: bytes | Path) -> Member:
    if isinstance(content, Path):
        return Member(name, content.stat().st_size, files.file_digest(content))
    return Member(name, len(content), hashlib.sha256(content).hexdigest())


def print_members(rows: list[tuple[str, int]]) -> None:
    """Print how many files of each kind there are, and their size.

    Args:
        rows: The name and the size of each file.
    """
    counts, sizes = Counter[str](), Counter[str]()
    for name, count in rows:
        kind = Member(name, count, "").kind
        counts[kind] += 1
        sizes[kind] += count
    for kind in dict.fromkeys(backup_contents.KINDS.values()):
        if counts[kind]:
            number = f"{counts[kind]} file{'s' if counts[kind] > 1 else ''}"
            console.note(f"  {kind:<26} {number:<9} {size(sizes[kind]):>8}")
