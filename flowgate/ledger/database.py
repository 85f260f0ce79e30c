"""Open the ledger: create and migrate its tables, refuse a newer one, set a damaged one aside."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flowgate.errors import EnvironmentFailure
from flowgate.ledger import older_tables
from flowgate.ledger.schema import MIGRATIONS, TABLES, VERSION
from flowgate.system.clock import Clock
from flowgate.system.disk_errors import disk_error
from flowgate.system.locks import exclusive_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_SECONDS = 5.0
PRIVATE_FILE = 0o600
PARTS = ("", "-wal", "-shm")  # SQLite's own files beside the ledger
SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA journal_size_limit = 8000000",
    "PRAGMA temp_store = MEMORY",
)
DAMAGES = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)  # the last: a table is missing


class NewerLedger(EnvironmentFailure):
    """The ledger was written by a newer FlowGate; nothing was touched."""

    def __init__(self, path: Path, version: int) -> None:
        what = f"{path} was written by a newer FlowGate (version {version} of its tables; this one knows {VERSION})"
        super().__init__(what, fix=f"use that FlowGate, or move {path.name} away: a new one is begun")


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the ledger, create it if it is missing, and migrate its tables.

    Args:
        path: The file. It and SQLite's files beside it can be read by their owner only.

    Raises:
        NewerLedger: Its tables are newer than this FlowGate.
        sqlite3.Error: It is damaged, the disk is full, or another process holds it for too long.
        OSError: The file cannot be created.
    """
    _make_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        version = _version(connection)
        if version > VERSION:
            raise NewerLedger(path, version)  # noqa: TRY301 - the connection is closed below
        if version == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        for setting in SETTINGS:
            connection.execute(setting)
        if version < VERSION:
            _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection | None:
    """Open the ledger without changing it; older tables are read as if they were migrated.

    Args:
        path: The file.

    Returns:
        The ledger; None if there is none, or if nothing was ever written into it.

    Raises:
        NewerLedger: Its tables are newer than this FlowGate.
        EnvironmentFailure: It cannot be read.
    """
    with translate_errors(path):
        if not _is_file(path):
            return None
        if not os.access(path, os.R_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", timeout=BUSY_SECONDS, isolation_level=None, uri=True)
        try:
            version = _version(connection)
            if 0 < version < VERSION:
                older_tables.stand_in(connection, version)
        except BaseException:
            connection.close()
            raise
    if 0 < version <= VERSION:
        return connection
    connection.close()
    if version > VERSION:
        raise NewerLedger(path, version)
    return None  # nothing was ever written


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate errors of SQLite and of the system into ours.

    Args:
        path: The ledger.

    Raises:
        EnvironmentFailure: SQLite reported an error.
        DiskError: The system reported one.
    """
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from None
    except sqlite3.Error as error:
        fix = "it is set aside when the next request is recorded" if is_damage(error) else "inv doctor"
        raise EnvironmentFailure(f"{path} cannot be read: {error}", fix=fix) from None


def is_damage(error: BaseException) -> bool:
    """Return whether an error says that the file is not a ledger, or a damaged one.

    Args:
        error: The error.
    """
    return isinstance(error, sqlite3.Error) and (getattr(error, "sqlite_errorcode", 0) or 0) & 0xFF in DAMAGES


def set_aside_if_damaged(path: Path) -> Path | None:
    """Rename a damaged ledger, so that a new one can be begun; of several processes that find it, one does so.

    Args:
        path: The ledger; no connection of this process to it may be open.

    Returns:
        Its new path; None if it is not damaged (any more).

    Raises:
        OSError: It cannot be renamed.
        LockTimeout: Another process is at it.
    """
    lock = path.with_name(f"{path.name}.lock")
    with exclusive_lock(lock, "ledger", clock=Clock(), timeout=BUSY_SECONDS, on_wait=lambda _: None):
        if not path.exists() or not _is_damaged(path):
            return None
        aside = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        for part in reversed(PARTS):
            with suppress(FileNotFoundError):
                Path(f"{path}{part}").rename(f"{aside}{part}")
        return aside


def _is_damaged(path: Path) -> bool:
    try:
        connection = open_to_write(path)
    except sqlite3.Error as error:
        return is_damage(error)
    except (NewerLedger, OSError):
        return False
    try:
        for table, columns in TABLES.items():
            connection.execute(f"SELECT {', '.join(columns)} FROM {table} LIMIT 0")  # noqa: S608
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.Error as error:
        return is_damage(error)
    finally:
        connection.close()


def _make_private(path: Path) -> None:
    """Create the file with mode 0600: SQLite gives the files beside it the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE_FILE))
    if not _is_file(path):
        raise OSError(f"{path} is not a regular file")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(PRIVATE_FILE)


def _is_file(path: Path) -> bool:
    try:
        if stat.S_ISREG(path.stat().st_mode):
            return True
    except FileNotFoundError:
        return False
    raise OSError(f"{path} is not a regular file")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date; a process that does so at the same time waits, and finds nothing to do."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = _version(connection)
        for script in MIGRATIONS[version:]:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {max(version, VERSION)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
