"""Run a command and hand on its output line by line."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flowgate.system.spawn import start_error


def run_watched(
    argv: Sequence[str],
    *,
    cwd: Path,
    on_line: Callable[[str], None],
    environment: Mapping[str, str] | None = None,
    on_start: Callable[[subprocess.Popen[str]], None] = lambda process: None,
) -> int:
    """Run a command to its end, without input and without a terminal; an exception, such as Ctrl-C, ends it.

    Args:
        argv: The command.
        cwd: The working folder.
        on_line: Is called with each line of its output and error output.
        environment: Variables beside those of this process.
        on_start: Is called with the process, once it runs.

    Returns:
        The exit code; negative for a signal.

    Raises:
        ProgramMissing: The program is missing or cannot be executed.
        DiskError: The working folder is missing.
        EnvironmentFailure: The command could not be started for another reason.
    """
    try:
        process = subprocess.Popen(
            list(argv),
            cwd=str(cwd),
            env={**os.environ, "NO_COLOR": "1", **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise start_error(argv[0], cwd, error) from None
    with process:
        try:
            on_start(process)
            for line in process.stdout or ():
                on_line(line.rstrip("\n"))
        except BaseException:
            process.terminate()
            process.wait()
            raise
    return process.returncode
