"""The commands `service install` and `service uninstall`: FlowGate under systemd or launchd."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote

from flowgate.cli import console, service_place
from flowgate.cli.diff import COLOURS, diff_lines
from flowgate.cli.run_playbook import check_profile
from flowgate.cli.service_place import Place, place
from flowgate.cli.session import Session, open_session
from flowgate.errors import EnvironmentFailure, FlowGateError, UsageError, raise_all
from flowgate.export import unit_file
from flowgate.gateway import cliproxy
from flowgate.gateway.environment import INHERITED_VARIABLES, KEY_FILES, Variables
from flowgate.gateway.litellm import NAME as LITELLM
from flowgate.supervisor import daemon_process
from flowgate.system import files, own_process, permissions, user_files
from flowgate.system.file_access import Files

AS_USER = "`inv export.systemd --to FOLDER --user NAME` writes the unit; FOLDER/README.md says how root installs it"
NO_SYSTEM = f"leave out --system for a service of your own; or: {AS_USER}"
NO_LAUNCHD = "leave out --system for a service of your own"
MODULE = 3  # where "flowgate" is in the command that the service manager runs


def install(config: str, where: tuple[str, bool], profile: str, *, watch: bool, force: bool, check: bool) -> int:
    """Write the file of the service, and start it where the service manager can be reached.

    Args:
        config: Path after `--config`; empty to search for the config.
        where: Name of the service, and whether it is one of the whole system.
        profile: The profile to start with; empty for the active one.
        watch: Reload when the config, or a file that it names, changes.
        force: Replace a file that is not FlowGate's, or was edited.
        check: Show the file, and write nothing.

    Raises:
        UsageError: A variable would be missing after a reboot, or the file is not FlowGate's. Nothing was written.
        EnvironmentFailure: The file cannot be written.
    """
    session = open_session(config)
    check_profile(session, profile)
    console.note(session.describe())
    _check_variables(session)
    found = place(_name(where[0]), where[1], dict(session.environment))
    words = (*run_command(session, profile), *(("--watch",) if watch else ()))
    before = user_files.look(found.path)
    _check_owner(found, before.text, force, words)
    if not check:
        _check_access(found)
    text = (unit_file.plist if found.launchd else unit_file.unit)(_wanted(session, found, words))
    _tell(found.path, before.text, text, check)
    if check:
        return 0
    if before.text != text:
        missing = unit_file.in_read_only(_written(session)) if found.system else []
        for folder in (found.path.parent, *missing):
            if not folder.is_dir():
                files.make_private_folder(folder)
        Files(acting=True).write(before.path, text, mode=0o644)
    _start(found, was_there=before.text is not None, changed=before.text != text)
    return 0


def uninstall(config: str, where: tuple[str, bool], *, force: bool, check: bool) -> int:
    """Stop the service, and delete its file.

    Args:
        config: Path after `--config`; empty to search for the config.
        where: Name of the service, and whether it is one of the whole system.
        force: Delete a file that was edited.
        check: Say what would be deleted.

    Raises:
        UsageError: The file is not FlowGate's, or was edited. Nothing was changed.
        EnvironmentFailure: The file cannot be deleted.
    """
    session = open_session(config)
    found = place(_name(where[0]), where[1], dict(session.environment))
    before = user_files.look(found.path)
    if before.text is None:
        console.note(f"= {found.path} is not there")
        return 0
    _check_owner(found, before.text, force, None)
    console.note(f"~ {found.path} {'would be' if check else 'is'} deleted")
    if check:
        return 0
    _check_access(found)
    reachable = service_place.is_reachable(found)
    if reachable:
        service_place.run(found.stopping())
    Files(acting=True).delete([before.path])
    if reachable and not found.launchd:
        service_place.run([(*found.manager, "daemon-reload")])
    elif not reachable:
        service_place.say_unreachable(found.stopping())
    return 0


def installed(session: Session) -> Place | None:
    """Return the installed service of this config, with the usual name; None if there is none, or if it runs.

    Args:
        session: The session of this command.
    """
    process = daemon_process.find(session.config.paths.runtime_dir)
    if process is not None and daemon_process.is_foreground(process):
        return None
    for system in (False, True):
        found = place("flowgate", system, dict(session.environment))
        try:
            text = user_files.look(found.path).text or ""
        except FlowGateError:
            continue
        if unit_file.is_ours(text) and unit_file.runs(text, run_command(session, "")[MODULE:]):
            return found
    return None


def run_command(session: Session, profile: str) -> tuple[str, ...]:
    """Return the command that the service manager runs."""
    named = () if session.config.embedded else ("--config", str(session.named.value))
    return (sys.executable, "-P", "-m", "flowgate", *named, "run", *(("--profile", profile) if profile else ()))


def _name(name: str) -> str:
    if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"a service cannot be called {name!r}", fix="use letters, digits, '-' and '_'")
    return name


def _check_variables(session: Session) -> None:
    """Refuse variables that are only in this shell: a service manager starts FlowGate without them."""
    config = session.config
    kept = Variables({}, config.paths.runtime_dir.parent / "secrets", files.read_text_or_none)
    own = config.services[LITELLM].env
    literal = {name for name, value in own.items() if not value.startswith("os.environ/")}
    faults: list[FlowGateError] = []
    for one in {one.name: one for one in config.references if one.name not in {*KEY_FILES, *literal}}.values():
        if kept.get(one.name) is not None:
            continue
        if not session.environment.get(one.name):
            console.note(f"warning: the variable {one.name} is not set ({one.place})")
            continue
        file = kept.file(one.name)
        what = f"the variable {one.name} is set only in this shell and would be missing after a reboot"
        fix = f"(umask 077; mkdir -p {quote(str(file.parent))}; printenv {one.name} > {quote(str(file))})"
        faults.append(UsageError(what, place=one.place, fix=fix))
    raise_all("the environment", faults)


def _check_owner(found: Place, text: str | None, force: bool, words: tuple[str, ...] | None) -> None:
    if text is None or force:
        return
    if not unit_file.is_ours(text):
        raise UsageError(f"{found.path} was not written by FlowGate", fix="choose another --name, or --force")
    if not unit_file.is_as_written(text):
        raise UsageError(f"{found.path} was edited since FlowGate wrote it", fix="--force replaces or deletes it")
    if words and not unit_file.runs(text, words[MODULE : words.index("run") + 1]):
        raise UsageError(f"{found.path} runs another config", fix="choose another --name, or --force")


def _check_access(found: Place) -> None:
    """Refuse a service of the whole system where only an administrator may write."""
    if found.system and not permissions.is_writable(found.path.parent):
        what = f"you cannot write in {found.path.parent}, where services of the whole system are"
        raise EnvironmentFailure(what, fix=NO_LAUNCHD if found.launchd else NO_SYSTEM)


def _tell(path: Path, before: str | None, text: str, check: bool) -> None:
    """Say what becomes of the file, and show its lines."""
    verb = "would be" if check else "is"
    if before == text:
        console.note(f"= {path} is unchanged")
        return
    console.note(f"~ {path} {verb} {'changed' if before is not None else 'written'}")
    for line in diff_lines(str(path), before or "", text):
        console.quote(console.colour(f"    {line}", COLOURS.get(line[:1], "0")))


def _start(found: Place, *, was_there: bool, changed: bool) -> None:
    if not service_place.is_reachable(found):
        service_place.say_unreachable(found.starting())
    elif was_there and changed and not found.launchd:
        service_place.run([found.starting()[0]])
        restart = [(*found.manager, "restart", found.name)]
        service_place.say("the service runs as before; this applies the change:", restart)
    elif not was_there:
        service_place.run(found.starting())
    if not (found.system or found.launchd or was_there):
        linger = [("loginctl", "enable-linger")]
        service_place.say("it runs while you are logged in; to start it at boot, without a login:", linger)


def _wanted(session: Session, found: Place, words: tuple[str, ...]) -> unit_file.Wanted:
    config, environment = session.config, session.environment
    known = {name: environment[name] for name in INHERITED_VARIABLES if environment.get(name) and name != "HOME"}
    shown = {name: value for name, value in known.items() if "@" not in value and "\n" not in value}
    if found.system and not found.launchd and own_process.own_uid() == 0:
        console.note(f"warning: the service runs as root; to run it as another user, {AS_USER}")
    for name in known.keys() - shown.keys():
        console.note(f"warning: {name} is left out: it contains a password; set it in {found.path} by a drop-in")
    return unit_file.Wanted(
        name=found.name,
        command=words,
        folder=config.root if config.root.is_dir() else Path.home(),
        variables=shown,
        drain_seconds=max(one.drain_timeout for one in config.services.values()),
        log=config.paths.log_file.parent / f"{found.name}-launchd.log",
        user=own_process.own_user() if found.system else "",
        has_southbound=cliproxy.is_configured(config),
        written=_written(session),
    )


def _written(session: Session) -> tuple[Path, ...]:
    """Return the folders in which the services write; the secrets are beside the runtime folder."""
    return tuple(path.parent for path in session.config.paths)
