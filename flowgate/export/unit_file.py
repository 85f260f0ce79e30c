"""The file by which a service manager runs FlowGate: a systemd unit, or a plist of launchd.

The last line of a file of `service install` is a digest of the rest, so that one that was edited by hand is known.

Source: systemd.unit(5), systemd.service(5), systemd.exec(5) of systemd 252; launchd.plist(5)
"""

from __future__ import annotations

import plistlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from flowgate.errors import UsageError
from flowgate.export.unit_words import argument, command_line, quoted, specifiers

WATCHDOG_SECONDS = 120
STOP_MARGIN = 60  # seconds after the longest drain
FAILED_START_SECONDS = 10
START_SECONDS = 900  # the first start may download and compile
MARK = "flowgate-digest: "
UNIT_MARK, PLIST_MARK = f"# {MARK}", f"<!-- {MARK}"
INSTALLED = "Written by `flowgate service install`; `flowgate service uninstall` deletes it."

UNIT = """\
# {written_by}
[Unit]
Description=FlowGate: {programs} ({name})
Documentation={documentation}
{after}# A start that fails is tried again for ever: what it needs may come later.
StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
{user}ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={folder}
{environment}
# A failed start or a crash is tried again; an orderly `flowgate down` (0) and a wrong config (2) are not.
# After a crash at once, after a start that failed (3; 203 without its program) later. RestartSteps would count crashes
# of months together.
Restart=on-failure
RestartSec=250ms
RestartPreventExitStatus=2
ExecStopPost=/bin/sh -c 'case $$EXIT_STATUS in 3|203) exec sleep {pause};; esac'
TimeoutStartSec={start}
# The supervisor alone gets SIGTERM, and stops its services in order. If it is killed, they serve on, and the next
# one, which systemd starts, takes them over.
KillMode=process
# Longer than the longest drain: requests in progress are finished first.
TimeoutStopSec={stop}
# Answered while every service answers. SIGKILL also ends a process that is stopped, and leaves no dump of the keys
# that it has in memory.
WatchdogSec={watchdog}
WatchdogSignal=SIGKILL
LimitCORE=0
# A worker that is killed for its memory is respawned by the supervisor.
OOMPolicy=continue
LimitNOFILE=65536

UMask=0077
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
{hardening}
[Install]
WantedBy={target}
"""
# No PrivateTmp: the control socket of a folder with a long name is in /tmp, where other commands look for it.
# No MemoryDenyWriteExecute: libffi, which Python uses, needs such memory.
SYSTEM_HARDENING = """\
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=full
"""
READ_ONLY = tuple(map(Path, ("/usr", "/boot", "/efi", "/etc")))  # by ProtectSystem=full


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the service manager is to run.

    Attributes:
        name: Name of the service.
        command: The command.
        folder: Its working folder.
        variables: Its environment variables; none of them is secret.
        drain_seconds: How long requests in progress may take.
        log: Where launchd writes what the command prints.
        user: The user of a service of the whole system; empty for a service of the user.
        has_southbound: It runs CLIProxyAPIPlus too.
        start_seconds: How long the start may take.
        written: Folders in which it writes.
        written_by: What wrote the file, as one line.
        documentation: Where the service is described, as a URI.
    """

    name: str
    command: Sequence[str]
    folder: Path
    drain_seconds: float
    log: Path = Path("/dev/null")
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""
    has_southbound: bool = True
    start_seconds: float = START_SECONDS
    written: Sequence[Path] = ()
    written_by: str = INSTALLED
    documentation: str = "man:systemd.service(5)"


def unit(wanted: Wanted) -> str:
    """Return the text of a systemd unit, with its digest."""
    text = plain_unit(wanted)
    return f"{text}{UNIT_MARK}{_digest(text)}\n"


def plain_unit(wanted: Wanted) -> str:
    """Return the text of a systemd unit without a digest, for a file that is the user's own.

    Args:
        wanted: What it is to run.

    Raises:
        UsageError: A path has a character that no unit can contain.
    """
    for text in (*wanted.command, str(wanted.folder)):
        if not text.isprintable():
            what = f"the path {text!r} contains a character that no unit can contain"
            raise UsageError(what, fix="move the config to a folder with a name that can be printed")
    return UNIT.format(
        written_by=wanted.written_by,
        documentation=specifiers(wanted.documentation),
        name=specifiers(wanted.name),
        programs=f"LiteLLM{' and CLIProxyAPIPlus' if wanted.has_southbound else ''}",
        after="After=network-online.target\nWants=network-online.target\n" if wanted.user else "",
        user=f"User={wanted.user}\n" if wanted.user else "",
        command=command_line(wanted.command),
        folder=specifiers(str(wanted.folder)),
        environment="".join(f"Environment={quoted(f'{k}={v}')}\n" for k, v in sorted(wanted.variables.items())),
        start=round(wanted.start_seconds),
        stop=round(wanted.drain_seconds) + STOP_MARGIN,
        watchdog=WATCHDOG_SECONDS,
        pause=FAILED_START_SECONDS,
        hardening=SYSTEM_HARDENING + _writable(wanted.written) if wanted.user else "",
        target="multi-user.target" if wanted.user else "default.target",
    )


def in_read_only(folders: Iterable[Path]) -> list[Path]:
    """Return the folders that a service of the whole system could not write, did its unit not name them.

    Args:
        folders: Absolute paths.
    """
    found = {folder for folder in folders if any(folder.resolve().is_relative_to(root) for root in READ_ONLY)}
    return sorted(folder for folder in found if not found & set(folder.parents))


def _writable(folders: Iterable[Path]) -> str:
    # With "-" one that is missing is no reason not to start: FlowGate then says which one.
    return "".join(f"ReadWritePaths={quoted(f'-{folder}')}\n" for folder in in_read_only(folders))


def plist(wanted: Wanted) -> str:
    """Return the text of a launchd plist."""
    content = {
        "Label": f"flowgate.{wanted.name}",
        "ProgramArguments": list(wanted.command),
        "WorkingDirectory": str(wanted.folder),
        "EnvironmentVariables": dict(sorted(wanted.variables.items())),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 5,
        "ExitTimeOut": round(wanted.drain_seconds) + STOP_MARGIN,
        "Umask": 0o077,
        "StandardErrorPath": str(wanted.log),
        **({"UserName": wanted.user} if wanted.user else {}),
    }
    text = plistlib.dumps(content).decode()
    return f"{text}{PLIST_MARK}{_digest(text)} -->\n"


def is_ours(text: str) -> bool:
    """Return whether FlowGate wrote a file, whatever became of it."""
    return UNIT_MARK in text or PLIST_MARK in text


def is_as_written(text: str) -> bool:
    """Return whether nobody has changed a file since FlowGate wrote it."""
    body, mark, rest = text.rpartition(PLIST_MARK if PLIST_MARK in text else UNIT_MARK)
    return rest == f"{_digest(body)}{' -->' if mark == PLIST_MARK else ''}\n"


def runs(text: str, words: Sequence[str]) -> bool:
    """Return whether the command in a file that FlowGate wrote contains these words, one after the other.

    Args:
        text: The text of the file.
        words: Arguments, not the program.
    """
    return any(sequence in text for sequence in (" ".join(map(argument, words)), "".join(map(_xml, words))))


def _xml(word: str) -> str:
    """Return the line of a word in a list of a plist."""
    line = next(line for line in plistlib.dumps([word]).decode().splitlines() if "<string>" in line)
    return f"\t{line}\n"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
