"""Wait for a port or a file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from flowgate.errors import InvalidValue, Unreachable, UsageError
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system import sockets
from flowgate.system.clock import poll

State = Literal["started", "present", "stopped", "absent"]
CONNECT_SECONDS = 1.0
MAX_SECONDS = 1e6


def wait_for(
    context: StepContext,
    port: int | None = None,
    path: Path | None = None,
    state: State = "started",
    host: str = "127.0.0.1",
    search_regex: str | None = None,
    timeout: float = 300.0,
    delay: float = 0.0,
    sleep: float = 1.0,
    msg: str = "",
) -> Result | Change:
    """Wait until a port accepts connections or a file exists, or until that is no longer so.

    Args:
        context: Tools and state of this run.
        port: The port.
        path: The file or folder, instead of a port.
        state: started or present: until it is there; stopped or absent: until it is gone.
        host: Host of the port.
        search_regex: Regular expression that the file's text must match.
        timeout: Seconds until the step fails.
        delay: Seconds before the first check.
        sleep: Seconds between checks.
        msg: Error message for a timeout.

    Returns:
        `elapsed` (seconds).

    Raises:
        Unreachable: The timeout has passed.
    """
    _validate(port, path, {"timeout": (timeout, 0.0), "delay": (delay, 0.0), "sleep": (sleep, 0.01)})
    is_there = _port_check(host, port) if port is not None else _file_check(path or Path(), _pattern(search_regex))
    wanted = state in ("started", "present")
    waiting_for, reached = _phrases(f"{host}:{port}" if path is None else str(path), path is None, wanted)

    # A connection to another machine is an action.
    if delay <= 0 and (path is not None or sockets.is_loopback(host)) and is_there(context) is wanted:
        return unchanged(reached, elapsed=0.0)

    def apply(acting: StepContext) -> Facts:
        began = acting.clock.now()
        acting.clock.sleep(delay)
        if not poll(lambda: is_there(acting) is wanted, acting.clock, every=sleep, timeout=timeout):
            raise Unreachable(msg or f"waited {timeout:g} s for {waiting_for}", facts={"elapsed": timeout})
        elapsed = round(acting.clock.now() - began, 3)
        return {"elapsed": elapsed, "message": f"{reached} after {elapsed:.1f} s"}

    return change(f"wait for {waiting_for}", apply, changes=False)


def _phrases(what: str, is_port: bool, wanted: bool) -> tuple[str, str]:
    if not wanted:
        return f"{what} to be gone", f"{what} is gone"
    return (
        (f"{what} to accept connections", f"{what} accepts connections")
        if is_port
        else (f"{what} to exist", f"{what} exists")
    )


def _validate(port: int | None, path: Path | None, seconds: dict[str, tuple[float, float]]) -> None:
    if (port is None) == (path is None):
        raise UsageError("wait_for needs either a port or a path", fix="write one: wait_for: { port: 4000 }")
    if port is not None and not 1 <= port <= 65535:
        raise InvalidValue("wait_for.port", found=port, wanted="a whole number from 1 to 65535")
    for name, (value, least) in seconds.items():
        if not least <= value <= MAX_SECONDS:
            raise InvalidValue(f"wait_for.{name}", found=value, wanted=f"seconds, from {least:g} to {MAX_SECONDS:g}")


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text, re.MULTILINE)
    except re.error as fault:
        wanted = f"a regular expression ({fault})"
        raise InvalidValue("wait_for.search_regex", found=text, wanted=wanted) from None


def _port_check(host: str, port: int) -> Callable[[StepContext], bool]:
    return lambda context: sockets.accepts_connections(host, port, CONNECT_SECONDS)


def _file_check(path: Path, pattern: re.Pattern[str] | None) -> Callable[[StepContext], bool]:
    def is_there(context: StepContext) -> bool:
        file = path.absolute()
        if not context.files.is_there(file) or pattern is None:
            return context.files.is_there(file)
        return pattern.search(context.files.read(file) or "") is not None

    return is_there
