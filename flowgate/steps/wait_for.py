"""Wait for a port or a file."""

import re
from pathlib import Path
from typing import Literal

from flowgate.errors import InvalidValue, Unreachable, UsageError
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system import sockets
from flowgate.system.clock import poll

State = Literal["started", "present", "stopped", "absent"]
CONNECT_SECONDS = 1.0
LONGEST = 1e6  # seconds


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
    """Wait until somebody listens on a port, or a file is there; or until that is over.

    Args:
        context: Tools and state of this run.
        port: The port.
        path: The file or folder, instead of a port.
        state: Started and present wait for it; stopped and absent wait until it is gone.
        host: Where the port is.
        search_regex: What the file's text must hold.
        timeout: Seconds until giving up.
        delay: Seconds before the first question.
        sleep: Seconds between questions.
        msg: What to say when giving up.

    Returns:
        Elapsed (seconds).

    Raises:
        Unreachable: See the message.
    """
    if (port is None) == (path is None):
        raise UsageError("wait_for waits for a port or for a path", fix="write one: wait_for: { port: 4000 }")
    if port is not None and not 1 <= port <= 65535:
        raise InvalidValue("wait_for.port", found=port, wanted="a whole number from 1 to 65535")
    for name, seconds, least in (("timeout", timeout, 0.0), ("delay", delay, 0.0), ("sleep", sleep, 0.01)):
        if not least <= seconds <= LONGEST:
            raise InvalidValue(f"wait_for.{name}", found=seconds, wanted=f"seconds, from {least:g} to {LONGEST:g}")
    pattern = _pattern(search_regex)
    wanted = state in ("started", "present")
    what = f"{host}:{port}" if path is None else str(path)
    awaited = f"{what} to {'be there' if path else 'listen'}" if wanted else f"{what} to be gone"

    def settled(r: StepContext) -> bool:
        return _there(r, host, port, path, pattern) is wanted

    # Asking a host elsewhere is acting.
    if delay <= 0 and (path is not None or sockets.is_loopback(host)) and settled(context):
        return unchanged(f"{what} {'is there' if wanted else 'is gone'}", elapsed=0.0)

    def apply(r: StepContext) -> Facts:
        began = r.clock.now()
        r.clock.sleep(delay)
        if not poll(lambda: settled(r), r.clock, every=sleep, timeout=timeout):
            raise Unreachable(msg or f"waited {timeout:g} s for {awaited}", facts={"elapsed": timeout})
        elapsed = round(r.clock.now() - began, 3)
        return {"elapsed": elapsed, "message": f"{what} {'is there' if wanted else 'is gone'} after {elapsed:.1f} s"}

    return change(f"wait for {awaited}", apply, changes=False)


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return None if text is None else re.compile(text, re.MULTILINE)
    except re.error as fault:
        wanted = f"a regular expression ({fault})"
        raise InvalidValue("wait_for.search_regex", found=text, wanted=wanted) from None


def _there(
    context: StepContext, host: str, port: int | None, path: Path | None, pattern: re.Pattern[str] | None
) -> bool:
    if port is not None:
        return sockets.accepts_connections(host, port, CONNECT_SECONDS)
    file = context.here(path or Path())
    if not context.files.is_there(file) or pattern is None:
        return context.files.is_there(file)
    return pattern.search(context.files.read(file) or "") is not None
