"""The config as `run` reads it: with a record of what was read, so that the supervisor notices each change of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.session import Session, read_session
from flowgate.domain import Config, Sourced
from flowgate.errors import FlowGateError, LockTimeout, MultipleErrors, UsageError, raise_all
from flowgate.gateway import upstream_command
from flowgate.supervisor import config_record
from flowgate.supervisor.config_record import ConfigRecord
from flowgate.system import files
from flowgate.system.clock import Clock, stamp

TRIES = 5  # a first reading tells which files there are, the next one reads them as they were recorded
FIX = "change it back, or restart `flowgate run`"


@dataclass
class Reading:
    """One reading of a config.

    Attributes:
        texts: Path → text of the files that the config consists of, its own first.
        record: What the supervisor is told.
    """

    texts: dict[str, str] = field(default_factory=dict)
    record: ConfigRecord = field(default_factory=ConfigRecord)

    def read_text(self, path: Path) -> str:
        """Read a file, and keep its text; an error keeps that it was asked for."""
        self.texts[str(path)] = ""
        self.texts[str(path)] = text = files.read_text(path)
        return text


def read(named: Sourced[Path], runtime: Path) -> tuple[Session, Reading]:
    """Read a config for `run`; the digests in the record are never newer than what was read.

    Args:
        named: Its file, and who named it.
        runtime: The runtime folder of the supervisor.

    Returns:
        The session, and how it was read.

    Raises:
        FlowGateError: Something in it is wrong; that is recorded.
    """
    known = {str(named.value), *config_record.load(runtime).files}
    for number in range(TRIES):
        digests = config_record.digests(Path(one) for one in sorted(known))
        reading = Reading()
        try:
            session = read_session(named, reading.read_text, quiet=number > 0)
            found = {*reading.texts, *map(str, named_files(session.config))}
        except FlowGateError as error:
            if known.issuperset(reading.texts):
                refuse(runtime, ConfigRecord(digests), error)
                raise
            found = known | reading.texts.keys()
        if found <= known:
            break
        known = found
    reading.record = ConfigRecord({one: digests[one] for one in found if one in digests})
    return session, reading


def named_files(config: Config) -> Iterator[Path]:
    """Return the files that a config names, beside those that it consists of.

    Args:
        config: The config.
    """
    yield from config.secret_files
    own = upstream_command.read(config).own_config
    if own is not None:
        yield own
    if config.remote is not None and config.remote.ca is not None:
        yield config.remote.ca


def refuse(runtime: Path, record: ConfigRecord, error: BaseException) -> None:
    """Record that a config was refused.

    Args:
        runtime: The runtime folder.
        record: What was read.
        error: Why.
    """
    since = config_record.load(runtime).since or stamp(Clock().wall())
    again = isinstance(error, LockTimeout)
    config_record.save(runtime, replace(record, refused=describe(error), since=since, again=again))


def describe(error: BaseException) -> str:
    """Return why a config was refused, as one line without secrets.

    Args:
        error: The error.
    """
    if isinstance(error, MultipleErrors):
        more = len(error.errors) - 1
        return describe(error.errors[0]) + (f", and {more} more error{'s' if more > 1 else ''}" if more else "")
    return console.masked(" ".join(str(error).split()))


def require_no_restart(old: Config, new: Config) -> None:
    """Refuse a change that a reload cannot make.

    Args:
        old: The config in force.
        new: The changed one.

    Raises:
        UsageError: Such a change is in it.
    """
    faults: list[FlowGateError] = []

    def compare(key: str, was: object, now: object, *, show: bool = True) -> None:
        if was != now:
            values = f" from {was} to {now}" if show else ""
            what = f"'{key}' has changed{values}, which needs a restart"
            faults.append(UsageError(what, place=new.place(key), fix=FIX))

    for name, was, now in zip(new.paths._fields, old.paths, new.paths, strict=True):
        compare(f"paths.{name}", was, now)
    compare("services", sorted(old.services), sorted(new.services))
    for name in old.services.keys() & new.services.keys():
        first, then = old.services[name], new.services[name]
        compare(f"services.{name}.host", first.host, then.host)
        compare(f"services.{name}.port", first.port, then.port)
        if name == upstream_command.NAME:
            compare(f"services.{name}.command", _command(first), _command(then), show=False)
    raise_all(str(new.file), faults)


def _command(service: object) -> tuple[object, ...]:
    return tuple(getattr(service, name) for name in ("args", "cwd", "env"))
