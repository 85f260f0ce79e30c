"""Become another program: the same process, with its terminal, its place in its group, and its signals."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from flowgate.errors import UsageError
from flowgate.system import streams
from flowgate.system.spawn import start_error

# Python ignores these when it starts, and an ignored signal stays ignored. Source: `restore_signals` of `subprocess`
IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFZ", "SIGXFSZ")


def execute(argv: Sequence[str], env: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program; return never.

    Terminal, process group, working folder, standard streams and pid stay, so whoever waits for this process gets the
    program's exit code or signal.

    Args:
        argv: The command; argv[0] is a path. Bytes that are no UTF-8 are passed as they came.
        env: The complete environment.

    Raises:
        ProgramMissing: The program is missing or cannot be executed.
        EnvironmentFailure: It could not be started for another reason.
        UsageError: The environment contains what no process can be given.
    """
    streams.flush()
    for name in IGNORED_BY_PYTHON:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        os.execve(argv[0], list(argv), dict(env))  # noqa: S606 - no shell is wanted
    except OSError as error:
        raise start_error(argv[0], Path.cwd(), error) from None
    except ValueError as error:  # a name with `=`, a NUL
        raise UsageError(f"{Path(argv[0]).name} cannot be started: {error}") from None
