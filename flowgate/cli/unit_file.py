"""The file by which a service manager runs FlowGate: a systemd unit, or a plist of launchd.

The last line of the file is a digest of the rest, so that a file that was edited by hand is known.

Source: systemd.unit(5), systemd.service(5), systemd.exec(5) of systemd 252; launchd.plist(5)
"""

from __future__ import annotations

import plistlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

WATCHDOG_SECONDS = 120
STOP_MARGIN = 60  # seconds after the longest drain
START_SECONDS = 900  # the first start may download and compile
MARK = "flowgate-digest: "
UNIT_MARK, PLIST_MARK = f"# {MARK}", f"<!-- {MARK}"
REFUSED_IN_PROGRAM = "\"'\\"  # systemd runs no program whose path contains one of these

HEAD = """\
# Written by `flowgate service install`; `flowgate service uninstall` deletes it.
[Unit]
Description=FlowGate: LiteLLM and CLIProxyAPIPlus ({name})
Documentation=man:systemd.service(5)
{after}StartLimitIntervalSec=0

[Service]
Type=notify
NotifyAccess=main
{user}ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
WorkingDirectory={folder}
{environment}
# A failed start or a crash is tried again; an orderly `flowgate down` (0) and a wrong config (2) are not.
Restart=on-failure
RestartSec=5
RestartPreventExitStatus=2
TimeoutStartSec={start}
# Longer than the longest drain: requests in progress are finished first.
TimeoutStopSec={stop}
WatchdogSec={watchdog}
# The supervisor alone gets SIGTERM, and stops its services in order.
KillMode=mixed
# A worker that is killed for its memory is respawned by the supervisor.
OOMPolicy=continue

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
    """

    name: str
    command: Sequence[str]
    folder: Path
    drain_seconds: float
    log: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str = ""


def unit(wanted: Wanted) -> str:
    """Return the text of a systemd unit."""
    text = HEAD.format(
        name=_specifiers(wanted.name),
        after="After=network-online.target\nWants=network-online.target\n" if wanted.user else "",
        user=f"User={wanted.user}\n" if wanted.user else "",
        command=_command(wanted.command),
        folder=_specifiers(str(wanted.folder)),
        environment="".join(f"Environment={_quoted(f'{k}={v}')}\n" for k, v in sorted(wanted.variables.items())),
        start=START_SECONDS,
        stop=round(wanted.drain_seconds) + STOP_MARGIN,
        watchdog=WATCHDOG_SECONDS,
        hardening=SYSTEM_HARDENING if wanted.user else "",
        target="multi-user.target" if wanted.user else "default.target",
    )
    return f"{text}{UNIT_MARK}{_digest(text)}\n"


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
    return any(sequence in text for sequence in (" ".join(map(_argument, words)), "".join(map(_xml, words))))


def _xml(word: str) -> str:
    """Return the line of a word in a list of a plist."""
    line = next(line for line in plistlib.dumps([word]).decode().splitlines() if "<string>" in line)
    return f"\t{line}\n"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _quoted(word: str) -> str:
    """Quote a word for a line that is split into words; `%` begins a specifier there."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return _specifiers(f'"{escaped}"')


def _command(words: Sequence[str]) -> str:
    """Return the words of ExecStart. In arguments `$` begins a variable; the path of the program has none."""
    program, *arguments = words
    if set(program) & set(REFUSED_IN_PROGRAM):
        return _command(["/bin/sh", "-c", 'exec "$0" "$@"', *words])
    plain = re.fullmatch(r"[\w./+-]+", program)
    first = program if plain else _quoted(program)
    return " ".join([first, *(_argument(word) for word in arguments)])


def _argument(word: str) -> str:
    return word if re.fullmatch(r"[\w./=:+-]+", word) else _quoted(word).replace("$", "$$")
