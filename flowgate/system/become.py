"""Become another program of FlowGate's: a small process in place of the one that has read a command line."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

SMALL = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "131072"}  # glibc: threads share one heap, and it shrinks


def become(module: str, words: Sequence[str], keep: socket.socket) -> NoReturn:
    """Replace this process by one that runs a module; terminal, folder and environment stay.

    Args:
        module: The module.
        words: Its command line.
        keep: A socket that it inherits; its descriptor is the first word.
    """
    keep.set_inheritable(True)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # -P: a file in the current folder is not taken for a module
    argv = [sys.executable, "-P", "-m", module, str(keep.fileno()), *words]
    os.execve(sys.executable, argv, {**os.environ, **SMALL})  # noqa: S606 - no shell is wanted


def inherited(word: str) -> socket.socket:
    """Return the socket that `become` has kept.

    Args:
        word: The first word.
    """
    found = socket.socket(fileno=int(word))
    found.set_inheritable(False)
    return found
