"""Preflight: whether everything that a start needs is as it should be, and what mends it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from flowgate.cli import console
from flowgate.cli.checks import finding, profiles, runtime, secrets
from flowgate.cli.checks import permissions as permission_check
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session, open_session
from flowgate.errors import FlowGateError
from flowgate.gateway import cliproxy
from flowgate.supervisor import orphans
from flowgate.system import files, permissions
from flowgate.system.clock import Clock

FIX = "inv doctor --fix"
LOCK_SECONDS = 60.0
SCARCE_BYTES, LITTLE_BYTES = 200_000_000, 1_000_000_000  # logs alone may take the first


def doctor(config: str, fix: bool, as_json: bool) -> int:
    """Print what is right, doubtful and wrong; 1 when something is wrong.

    Args:
        fix: Mend first what can be mended without a risk: permissions, missing folders, what a killed keeper
            left.

    Raises:
        UsageError: A config that is not there.
    """
    try:
        session = open_session(config, quiet=True)
    except FlowGateError as error:
        faults = finding.config_findings(error)
        return finding.print_findings([*faults, *finding.run_checks(ALWAYS)], as_json=as_json, config="")
    if not as_json:
        console.note(session.describe())
    fixed = mend(session) if fix else []
    checks = [(name, partial(check, session)) for name, check in OF_A_CONFIG]
    found = finding.run_checks([*checks, *ALWAYS])
    return finding.print_findings(found, as_json=as_json, config=str(session.config.file), fixed=fixed)


# --- the checks of its own


def config(session: Session) -> Iterator[Finding]:
    """Say that the config is valid, and what was migrated while it was read."""
    for line in session.config.notes:
        yield Finding("config", "warn", line, finding.edit_command(str(session.config.file)))
    yield Finding("config", "pass", f"{session.config.file} is valid")


def folders(session: Session) -> Iterator[Finding]:
    """Check that the runtime folder can be written, and that the folders beside it are there."""
    runtime = session.config.paths.runtime_dir
    if not permissions.is_writable(runtime):
        yield Finding("folders", "fail", f"{runtime} cannot be written", f"ls -ld {quote(str(runtime))}")
        return
    missing = _missing(session)
    if missing:
        names = ", ".join(str(one) for one in missing)
        yield Finding("folders", "warn", f"not there yet: {names}; `inv up` makes them too", FIX)
    else:
        yield Finding("folders", "pass", f"{runtime} can be written")


def _missing(session: Session) -> list[Path]:
    paths = session.config.paths
    wanted = [paths.runtime_dir, permission_check.secrets_folder(session.config), cliproxy.auth_folder(session.config)]
    return [one for one in [*wanted, paths.log_file.parent] if not one.is_dir()]


def disk(session: Session) -> Iterator[Finding]:
    """Check that the disk has room for logs and rendered files."""
    runtime = session.config.paths.runtime_dir
    free = files.free_bytes(runtime)
    status = "fail" if free < SCARCE_BYTES else "warn" if free < LITTLE_BYTES else "pass"
    mend = "" if status == "pass" else f"du -ah {quote(str(runtime.parent))} | sort -h | tail"
    yield Finding("disk", status, f"{free / 1e9:.1f} GB are free for {runtime}", mend)


def leftovers(session: Session) -> Iterator[Finding]:
    """Check that no killed keeper left processes, records or sockets behind."""
    status = session.supervisor.status()
    left = [one for seat in status["services"].values() for one in seat["generations"] if one["phase"] == "orphaned"]
    for one in left:
        message = (
            f"process {one['pid']} goes on serving without its keeper, which was killed; `inv status` takes it over"
        )
        yield Finding("leftovers", "warn", message, "inv status")
    stale = _stale(session)
    if stale:
        names = ", ".join(path.name for path in stale)
        yield Finding("leftovers", "warn", f"left behind by a keeper that is gone: {names}", FIX)
    if not left and not stale:
        yield Finding("leftovers", "pass", "nothing was left behind")


def _stale(session: Session) -> list[Path]:
    """List records and sockets that belong to no living process; none while a keeper lives: they are its own."""
    if session.supervisor.status()["supervisor"]:
        return []
    folder = session.supervisor.folder
    living = {(one["service"], one["number"]) for one in orphans.living(folder)}
    dead = [path for path, record in orphans.records(folder) if _name(record) not in living]
    return [*dead, *([] if living else sorted(folder.glob("*.sock")))]


def _name(record: dict[str, object]) -> tuple[object, object]:
    return record.get("service"), record.get("number")


ALWAYS: tuple[tuple[str, finding.Check], ...] = (
    ("litellm", runtime.litellm_release),
    ("environment", runtime.environment_bytecode),
)
OF_A_CONFIG = (
    ("config", config),
    ("profiles", profiles.profiles),
    ("folders", folders),
    ("disk", disk),
    ("binaries", runtime.binaries),
    ("ports", runtime.ports),
    ("variables", runtime.variables),
    ("secrets", secrets.secrets),
    ("keys", secrets.keys),
    ("management", secrets.management),
    ("leftovers", leftovers),
)


# --- mending


def mend(session: Session) -> list[str]:
    """Mend what can be mended without a risk, under the lock of the runtime folder.

    Returns:
        What was done, one sentence each.

    Raises:
        LockTimeout: See the message.
        DiskError: See the message.
    """
    lock = session.config.paths.runtime_dir / "lock"
    missing = _missing(session)
    if not permissions.is_writable(lock.parent):
        return []
    with files.exclusive_lock(lock, "'doctor'", clock=Clock(), timeout=LOCK_SECONDS, on_wait=_waiting):
        return [*_make(missing), *_close(session), *_sweep(session)]


def _make(missing: list[Path]) -> list[str]:
    for folder in missing:
        files.make_private_folder(folder)
    return [f"made {folder}" for folder in missing]


def _close(session: Session) -> list[str]:
    """Take from others what they may not have; a link, or somebody else's file, is left alone and stays a finding."""
    mine = [one for one in permission_check.exposed(session.config) if permissions.is_own(one.path)]
    for one in mine:
        permissions.change(one.path, one.wanted)
    return [f"{one.command()} (was {one.mode:03o})" for one in mine]


def _sweep(session: Session) -> list[str]:
    return [f"deleted {path}" for path in files.delete(_stale(session))]


def _waiting(holder: str) -> None:
    console.note(f"waiting for {holder}, which is changing this runtime folder")
