"""Run a command beside others, and collect what it writes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from flowgate.system.spawn import start_error


class Captured(NamedTuple):
    """What a command has done.

    Attributes:
        code: Its exit code; negative for a signal.
        out: Its output.
        err: Its error output.
    """

    code: int
    out: str
    err: str


async def capture(argv: Sequence[str], *, timeout: float | None, finish: bool = False) -> Captured:
    """Run a command to its end, with this process' environment and folder, without input and without a terminal.

    Args:
        argv: The command.
        timeout: Seconds after which it is killed; None for never.
        finish: Let it go on by itself if this process ends or the caller is cancelled.

    Raises:
        TimeoutError: It took too long.
        ProgramMissing: The program is missing or cannot be executed.
        EnvironmentFailure: The command could not be started for another reason.
    """
    # Files, not pipes: a command that goes on by itself would find nobody at the other end.
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = _start(argv, out, err, finish)
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        threading.Thread(target=_wait, args=(process, ended), name="capture", daemon=True).start()
        try:
            async with asyncio.timeout(timeout):
                code = await ended
        except BaseException:
            if not finish:
                process.kill()
            raise
        return Captured(code, _text(out), _text(err))


def end_at_an_interrupt() -> None:
    """Let SIGINT end this process at once, as SIGTERM does: a thread that reads stdin could not be ended in order."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _start(argv: Sequence[str], out: IO[bytes], err: IO[bytes], finish: bool) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            list(argv),
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=finish,  # a signal to this process' group does not end it
        )
    except OSError as error:
        raise start_error(argv[0], Path.cwd(), error) from None


def _wait(process: subprocess.Popen[bytes], ended: asyncio.Future[int]) -> None:
    code = process.wait()

    def tell() -> None:
        if not ended.done():
            ended.set_result(code)

    with suppress(RuntimeError):  # the loop has been closed meanwhile
        ended.get_loop().call_soon_threadsafe(tell)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
