"""The command `uninstall`: delete what FlowGate has written, and take back what it wrote for client programs."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from flowgate.cli import client_files, client_run, console, disk_parts
from flowgate.cli.columns import size
from flowgate.cli.session import Session, open_session
from flowgate.clients import receipts
from flowgate.errors import UsageError
from flowgate.gateway import cliproxy
from flowgate.system import disk_use, files, locations, replace_file
from flowgate.system.clock import Clock
from flowgate.system.missing_package import uninstall_command

LOCK_SECONDS = 5.0
KINDS = {
    "accounts": "accounts",
    "secrets": "keys, and the keys of clients",
    "replaced": "what restores have replaced",
    "ledger": "ledger: the history of requests",
    "logs": "logs and events",
    "rendered": "rendered config files",
    "state": "state of the gateway",
    "programs": "CLIProxyAPIPlus, environments of LiteLLM",
    "config": "your config",
}
UNITS = (  # (folder, pattern) of service managers' files; `~` is the home folder
    ("~/.config/systemd/user", "flowgate*.service"),
    ("~/.local/share/systemd/user", "flowgate*.service"),
    ("/etc/systemd/system", "flowgate*.service"),
    ("/etc/systemd/user", "flowgate*.service"),
    ("~/Library/LaunchAgents", "*flowgate*.plist"),
    ("/Library/LaunchDaemons", "*flowgate*.plist"),
)


def uninstall(config: str, accounts: bool, yes: bool) -> int:
    """Show what would be deleted, or delete it; the package itself stays.

    Args:
        config: Path after `--config`; empty to search for the config.
        accounts: Delete accounts, secrets and config too.
        yes: Delete it.

    Raises:
        UsageError: The gateway runs, or a service manager starts it.
        DiskError: Something cannot be deleted.
    """
    session = open_session(config)
    console.note(session.describe())
    _require_stopped(session)
    _require_no_unit()
    found = {kind: paths for kind, paths in disk_parts.parts(session.config).items() if paths}
    if configs := _own_configs(session):
        found["config"] = configs
    kept = [kind for kind in found if kind in (*disk_parts.OF_USER, "config") and not accounts]
    doomed = {kind: paths for kind, paths in found.items() if kind not in kept}
    _print(doomed, "delete" if yes else "would delete")
    clients = _take_back(session, check=not yes)
    if yes:
        _delete(session, doomed)
    _print({kind: found[kind] for kind in kept}, "keep")
    if not doomed and not clients:
        console.note("nothing of this gateway is left to delete")
    elif not yes:
        console.note("nothing was deleted yet: add --yes")
    if kept and doomed:
        console.note("add --accounts to delete what is kept too; inv backup FILE saves it first")
    removal = uninstall_command() or f"delete the clone {locations.checkout()}, with what is kept in it"
    console.note(f"FlowGate itself stays; to remove it: {removal}")
    return 0


def _require_stopped(session: Session) -> None:
    from flowgate.supervisor import stacks

    own = session.config.paths.runtime_dir
    running = next((one for one in stacks.running(ask=False) if one.runtime == own), None)
    if running is not None:
        pid = f" (supervisor process {running.supervisor})" if running.supervisor else ""
        raise UsageError(f"the gateway runs{pid}", fix="inv down")


def _require_no_unit() -> None:
    """Refuse while a service manager would start the gateway again."""
    for folder, pattern in UNITS:
        place = Path(folder).expanduser()
        for unit in sorted(place.glob(pattern)) if place.is_dir() else ():
            raise UsageError(f"{unit} starts FlowGate as a service", fix="inv service.uninstall")


def _own_configs(session: Session) -> list[Path]:
    if session.config.embedded:
        return []
    upstream = cliproxy.user_config(session.config)
    beside = upstream is not None and upstream.parent == session.config.file.parent and upstream.is_file()
    return [session.config.file, *([upstream] if upstream and beside else [])]


def _print(found: dict[str, list[Path]], verb: str) -> None:
    for kind, paths in found.items():
        used = disk_use.used(paths)
        where = paths[0] if len(paths) == 1 else paths[0].parent
        console.data(f"{verb:<12} {KINDS[kind]:<42} {size(used.size):>7}  {where}")


def _take_back(session: Session, *, check: bool) -> list[str]:
    """Take back what was written for client programs; return the clients."""
    folder = receipts.path_of(client_run.machine(session).secrets, "x").parent
    names = sorted(path.stem for path in folder.glob("*.json"))
    for name in names:
        client_files.remove(session, name, check=check)
        console.note(f"~ the configuration of client '{name}' {'would be' if check else 'is'} taken back")
    return names


def _delete(session: Session, doomed: dict[str, list[Path]]) -> None:
    runtime = session.config.paths.runtime_dir
    lock = runtime / "lock"
    with files.exclusive_lock(lock, "uninstall", clock=Clock(), timeout=LOCK_SECONDS, on_wait=lambda _: None):
        _require_stopped(session)
        for paths in doomed.values():
            for path in paths:
                if path.is_dir() and not path.is_symlink():
                    replace_file.delete_folder(path)
                elif path != lock:
                    files.delete([path])
    files.delete([lock])
    emptied = [runtime, session.config.paths.log_file.parent, runtime.parent]
    for folder in (*emptied, *([session.config.root] if "config" in doomed else [])):
        with suppress(OSError):  # something else is in it
            folder.rmdir()
