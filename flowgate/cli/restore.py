"""The command `restore`: put the content of a backup into place, all of it or nothing."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from flowgate.cli import backup_contents, backup_reading, console, passphrase, restored_elsewhere
from flowgate.cli.backup import print_members
from flowgate.cli.backup_contents import LEDGER
from flowgate.cli.backup_reading import Backup
from flowgate.cli.config_place import USUAL, named_by_environment
from flowgate.domain import Config
from flowgate.errors import UsageError
from flowgate.system import files, locations, replace_file, staged_moves
from flowgate.system.clock import Clock, stamp

STAGED, REPLACED = "restoring", "replaced"  # folders in `.router/`
SOURCE = "source"  # in STAGED: the digest of the backup
LOCK_SECONDS = 5.0


def restore(config: str, file: str, passphrase_file: str, force: bool, check: bool) -> int:
    """Restore a backup.

    Args:
        config: Path after `--config`: where the config goes; empty for the usual place.
        file: The backup.
        passphrase_file: The file with the passphrase; empty: ask, or read stdin.
        force: Replace what exists; it is kept aside.
        check: List what is in it and where it would go, and write nothing.

    Raises:
        UsageError: The file is no backup, the passphrase is wrong, something exists, or the gateway runs.
        DiskError: A file cannot be written.
    """
    path = Path(file).expanduser().absolute()
    if not files.is_taken(path):  # before the passphrase is asked for
        raise UsageError(f"there is no file {path}", fix="give the path of a backup")
    backup = backup_reading.read(path, passphrase.read(passphrase_file, new=False))
    found = backup.config(_config_target(config))
    places = backup_contents.targets(found, backup.manifest)
    staged = _router(found) / STAGED
    if check:
        _print_plan(backup, places)
        return 0
    _require_stopped(found)
    if not staged_moves.is_due(staged):
        _require_absent(places, force)
    lock = found.paths.runtime_dir / "lock"
    with files.exclusive_lock(lock, "restore", clock=Clock(), timeout=LOCK_SECONDS, on_wait=_waiting):
        if _completed(staged, backup):
            return 0
        _require_absent(places, force)
        _restore(backup, places, staged, found)
    return 0


def _config_target(typed: str) -> Path:
    """Return where the config goes: the named file, which need not exist, else where `init` writes."""
    if named := typed or named_by_environment():
        return Path(named).expanduser().absolute()
    usual = (locations.checkout() or Path.cwd()) / USUAL
    platform = locations.config_folder()
    return usual if platform is None or usual.is_file() else platform / USUAL.name


def _router(config: Config) -> Path:
    return config.paths.runtime_dir.parent


def _waiting(holder: str) -> None:
    console.note(f"waiting for {holder}, which is changing this runtime folder")


def _print_plan(backup: Backup, places: dict[str, Path]) -> None:
    manifest = backup.manifest
    console.note(f"backup of {manifest.created}, from {manifest.host}, by FlowGate {manifest.flowgate}")
    print_members([(one.name, one.size) for one in manifest.files])
    rows = [[name, str(path), "exists" if files.is_taken(path) else "new"] for name, path in places.items()]
    console.table([["part", "goes to", "there now"], *rows])


def _require_stopped(config: Config) -> None:
    """Refuse to replace the files of a gateway that runs."""
    from flowgate.supervisor import stacks

    for one in stacks.running(ask=False):
        if one.runtime == config.paths.runtime_dir or one.config == str(config.file):
            pid = f" (supervisor process {one.supervisor})" if one.supervisor else ""
            raise UsageError(f"the gateway of {one.config or one.runtime} runs{pid}", fix="inv down")


def _require_absent(places: dict[str, Path], force: bool) -> None:
    existing = [str(path) for path in places.values() if _is_filled(path)]
    if existing and not force:
        fix = f"add --force: what is there is kept in {REPLACED}/ beside the accounts"
        raise UsageError(f"{', '.join(existing)} exist{'s' if len(existing) == 1 else ''} already", fix=fix)


def _is_filled(path: Path) -> bool:
    """Return whether something would be replaced; an empty folder is not."""
    if path.is_dir() and not path.is_symlink():
        return any(path.iterdir())
    return files.is_taken(path)


def _completed(staged: Path, backup: Backup) -> bool:
    """Complete a restore that was interrupted; return whether it was the one of this backup."""
    if not staged_moves.is_due(staged):
        replace_file.delete_folder(staged)
        return False
    same = files.read_text_or_none(staged / SOURCE) == backup.digest
    moves = staged_moves.complete(staged)
    console.note(f"an interrupted restore was completed: {len(moves)} parts are in place")
    return same


def _restore(backup: Backup, places: dict[str, Path], staged: Path, config: Config) -> None:
    aside = _aside(staged.parent / REPLACED)
    try:
        files.make_private_folder(staged)
        backup.unpack(staged)
        backup_reading.require_usable_ledger(staged, backup)
        notes = restored_elsewhere.adapt(staged, backup, config)
        ordered: dict[Path, Path] = {}
        for suffix in ("-wal", "-shm"):  # of the old ledger: SQLite would apply them to the new one
            if LEDGER in places and files.is_taken(old := places[LEDGER].with_name(f"{LEDGER}{suffix}")):
                files.write_atomic(staged / old.name, "")
                ordered[Path(old.name)] = old
        ordered |= {Path(name): path for name, path in places.items()}
        files.write_atomic(staged / SOURCE, backup.digest)
        moves = staged_moves.plan(staged, ordered, aside)
    except BaseException:
        replace_file.delete_folder(staged)
        raise
    staged_moves.commit(staged, moves)
    for name, path in places.items():
        console.data(f"{name:<24} {path}")
    if aside.is_dir():
        console.note(f"what was there is kept, until you delete it: rm -r {quote(str(aside))}")
    for line in notes:
        console.note(line)
    console.note("next: inv doctor, then inv up")


def _aside(folder: Path) -> Path:
    name = stamp(Clock().wall()).replace(":", "").replace("-", "").partition(".")[0].rstrip("Z")
    return next(one for number in range(1000) if not (one := folder / f"{name}-{number}").exists())
