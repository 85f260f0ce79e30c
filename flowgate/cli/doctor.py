"""The command `doctor`: check that everything a start needs is ready, and fix what can be fixed without risk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from flowgate.cli import console, refused_config, remote_upstream, running_services, shared_state
from flowgate.cli.checks import (
    budget_state,
    client_keys,
    finding,
    limits,
    litellm_support,
    litellm_version,
    model_facts,
    profiles,
    runtime,
    secrets,
    upstream,
)
from flowgate.cli.checks import permissions as permission_check
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session, open_session
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import cliproxy
from flowgate.supervisor import orphans
from flowgate.system import files, permissions, tempdirs
from flowgate.system.clock import Clock
from flowgate.system.disk_errors import free_inodes

FIX = "inv doctor --fix"
LOCK_SECONDS = 60.0
FAIL_INODES, WARN_INODES = 100, 1_000  # files that can be created
FAIL_BYTES, WARN_BYTES = 200_000_000, 1_000_000_000  # free disk space; logs alone may need the first


def doctor(config: str, fix: bool, as_json: bool) -> int:
    """Run all checks and print what they found.

    Args:
        config: Path after `--config`; empty to search for the config.
        fix: First fix what can be fixed without risk: permissions, missing folders, files of a killed supervisor.
        as_json: Print one JSON document.

    Returns:
        1 if a check has failed, else 0.

    Raises:
        UsageError: The config does not exist.
    """
    try:
        session = open_session(config, quiet=True)
    except FlowGateError as error:
        errors = finding.config_findings(error)
        return finding.print_findings([*errors, *_without(config, error, as_json)], as_json=as_json, config="")
    if not as_json:
        console.note(session.describe())
    fixed = apply_fixes(session) if fix else []
    checks = [(name, partial(check, session)) for name, check in OF_A_CONFIG]
    found = finding.run_checks([*checks, *ALWAYS])
    return finding.print_findings(found, as_json=as_json, config=str(session.config.file), fixed=fixed)


def _without(typed: str, error: FlowGateError, as_json: bool) -> list[Finding]:
    """Run the checks that can be run although the config is wrong: all, by the config that serves, if one does."""
    found = refused_config.serving_instead(typed, error) if isinstance(error, UsageError) else None
    if found is None:
        return finding.run_checks(ALWAYS)
    if not as_json:
        refused_config.print_replaced(found[1])
    checks = [(name, partial(check, found[0])) for name, check in OF_A_CONFIG if check is not config]
    return finding.run_checks([*checks, *ALWAYS])


# --- checks


def config(session: Session) -> Iterator[Finding]:
    """Report that the config is valid, and what was migrated when it was read."""
    for line in session.config.notes:
        yield Finding("config", "warn", line, finding.edit_command(str(session.config.file)))
    yield Finding("config", "pass", f"{session.config.file} is valid")


def folders(session: Session) -> Iterator[Finding]:
    """Check that the runtime folder can be written, and that the folders beside it exist."""
    folder = session.config.paths.runtime_dir
    if not permissions.is_writable(folder):
        yield Finding("folders", "fail", f"{folder} cannot be written", f"ls -ld {quote(str(folder))}")
        return
    paths = session.config.paths
    wrong = [one for one in (paths.log_file, paths.active_config, paths.state_file) if one.is_dir()]
    for path in wrong:
        yield Finding("folders", "fail", f"{path} is a folder, and FlowGate writes a file there", _edit_paths(session))
    missing = ", ".join(str(one) for one in _missing_folders(session))
    if wrong:
        return
    if missing:
        yield Finding("folders", "warn", f"not created yet: {missing}; `inv up` creates them too", FIX)
    else:
        yield Finding("folders", "pass", f"{folder} can be written")


def _edit_paths(session: Session) -> str:
    return finding.edit_command(session.config.place("paths"))


def _missing_folders(session: Session) -> list[Path]:
    paths = session.config.paths
    accounts = [cliproxy.auth_folder(session.config)] if cliproxy.is_configured(session.config) else []
    wanted = [paths.runtime_dir, permission_check.secrets_folder(session.config), *accounts, paths.log_file.parent]
    return [one for one in wanted if not one.is_dir()]


def disk(session: Session) -> Iterator[Finding]:
    """Check that the disk has space for logs and rendered files."""
    folder = session.config.paths.runtime_dir
    free = files.free_bytes(folder)
    status = "fail" if free < FAIL_BYTES else "warn" if free < WARN_BYTES else "pass"
    fix = "" if status == "pass" else f"du -ah {quote(str(folder.parent))} | sort -h | tail"
    yield Finding("disk", status, f"{free / 1e9:.1f} GB are free for {folder}", fix)
    inodes = free_inodes(folder)
    if inodes is not None and inodes < WARN_INODES:
        status = "fail" if inodes < FAIL_INODES else "warn"
        yield Finding("disk", status, f"{inodes} more files can be created in {folder}", f"df -i {quote(str(folder))}")


def leftovers(session: Session) -> Iterator[Finding]:
    """Check that no killed supervisor left processes, records or sockets."""
    services = session.supervisor.status()["services"].values()
    orphaned = [one for service in services for one in service["generations"] if one["phase"] == "orphaned"]
    for one in orphaned:
        message = f"process {one['pid']} runs without a supervisor, which was killed; `inv status` starts a new one"
        yield Finding("leftovers", "warn", message, "inv status")
    stale = _stale_files(session)
    if stale:
        names = ", ".join(path.name for path in stale)
        yield Finding("leftovers", "warn", f"files of a supervisor that no longer runs: {names}", FIX)
    killed = tempdirs.stale_folders(tempdirs.REHEARSAL)
    if killed:
        yield Finding("leftovers", "warn", f"folders of killed rehearsals: {', '.join(map(str, killed))}", FIX)
    if not orphaned and not stale and not killed:
        yield Finding("leftovers", "pass", "no leftovers of a killed supervisor")


def _stale_files(session: Session) -> list[Path]:
    """Find records and sockets that belong to no running process; none while a supervisor runs, as they are its own."""
    if session.supervisor.status()["supervisor"]:
        return []
    folder = session.supervisor.folder
    living = {(one["service"], one["number"]) for one in orphans.living(folder)}
    dead = [path for path, one in orphans.records(folder) if (one.get("service"), one.get("number")) not in living]
    return [*dead, *([] if living else sorted(folder.glob("*.sock")))]


ALWAYS: tuple[tuple[str, finding.Check], ...] = (
    ("litellm", runtime.litellm_release),
    ("litellm", litellm_support.of_installed),
    ("environment", runtime.environment_bytecode),
    ("limits", limits.limits),
)
OF_A_CONFIG = (
    ("config", config),
    ("profiles", profiles.profiles),
    ("models", model_facts.model_facts),
    ("upstream", upstream.upstream),
    (remote_upstream.CHECK, remote_upstream.check),
    (shared_state.CHECK, shared_state.check),
    ("folders", folders),
    ("disk", disk),
    ("binaries", runtime.binaries),
    ("ports", runtime.ports),
    ("services", running_services.services),
    ("variables", runtime.variables),
    ("secrets", secrets.secrets),
    ("keys", secrets.keys),
    (client_keys.CHECK, client_keys.clients),
    (budget_state.CHECK, budget_state.budgets),
    ("management", secrets.management),
    ("leftovers", leftovers),
    (litellm_version.CHECK, litellm_version.in_force),
    ("litellm", litellm_support.of_upgraded),
    ("litellm", litellm_support.of_config),
)


# --- fixes


def apply_fixes(session: Session) -> list[str]:
    """Fix what can be fixed without risk, under the lock of the runtime folder.

    Returns:
        What was done, one sentence each.

    Raises:
        LockTimeout: Another command holds the lock.
        DiskError: A file or folder cannot be changed.
    """
    lock = session.config.paths.runtime_dir / "lock"
    missing = _missing_folders(session)
    if not permissions.is_writable(lock.parent):
        return []
    with files.exclusive_lock(lock, "doctor", clock=Clock(), timeout=LOCK_SECONDS, on_wait=_on_wait):
        return [*_create_folders(missing), *_close_secrets(session), *_delete_stale_files(session)]


def _create_folders(missing: list[Path]) -> list[str]:
    for folder in missing:
        files.make_private_folder(folder)
    return [f"created {folder}" for folder in missing]


def _close_secrets(session: Session) -> list[str]:
    """Make secrets private; links and other users' files are left alone and stay findings."""
    own = [one for one in permission_check.exposed(session.config) if permissions.is_own(one.path)]
    for one in own:
        permissions.change(one.path, one.wanted)
    return [f"{one.command()} (was {one.mode:03o})" for one in own]


def _delete_stale_files(session: Session) -> list[str]:
    deleted = [*files.delete(_stale_files(session)), *tempdirs.sweep(tempdirs.REHEARSAL)]
    return [f"deleted {path}" for path in deleted]


def _on_wait(holder: str) -> None:
    console.note(f"waiting for {holder}, which is changing this runtime folder")
