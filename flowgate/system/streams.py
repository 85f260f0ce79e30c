"""The standard streams of a command: output that a reader no longer takes never ends the command."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2


def write_error(text: str) -> None:
    """Write to stderr at once; drop what it does not take, such as a terminal that was closed."""
    with contextlib.suppress(OSError):
        os.write(STDERR, text.encode())


class OutputFile(io.RawIOBase):
    """A file descriptor to which writing never fails.

    Output that cannot be written is dropped, and the descriptor then leads to `/dev/null`, so that programs that the
    command starts do not inherit a pipe without a reader.

    Attributes:
        failure: The error that ended the output; None so far. A reader that has gone away counts too.

    Args:
        descriptor: An open descriptor.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.failure: OSError | None = None

    @property
    def data_lost(self) -> bool:
        """Return whether output was lost that somebody would have read: a full disk, but not `| head`."""
        return self.failure is not None and self.failure.errno != errno.EPIPE

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether the output is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return true: the stream is for output."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Write everything; drop it if that fails."""
        view = memoryview(data).cast("B")
        total = len(view)
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # the other side made the pipe non-blocking
                select.select([], [self._descriptor], [])
            except OSError as error:
                self.failure = self.failure or error
                _lead_to_null(self._descriptor, os.O_WRONLY)
                break
        return total


def protect() -> None:
    r"""Replace `sys.stdout` and `sys.stderr` by streams to which writing never fails.

    Standard streams that are closed (`>&-`) lead to `/dev/null` from now on: else the next opened file would get
    their number. Characters that a stream cannot encode are written as escapes such as `\u2026`.
    """
    for descriptor in (STDIN, STDOUT, STDERR):
        try:
            os.fstat(descriptor)
        except OSError:
            _lead_to_null(descriptor, os.O_RDONLY if descriptor == STDIN else os.O_WRONLY)
    sys.stdout = _protected(sys.stdout, STDOUT)
    sys.stderr = _protected(sys.stderr, STDERR)


def flush() -> None:
    """Write what the standard streams still hold."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()


def reader_is_gone(stream: TextIO) -> bool:
    """Return whether the program that read a stream has ended; noticed also between two writes."""
    if failure(stream) is not None:
        return True
    try:
        poll = select.poll()
        poll.register(stream.fileno(), 0)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except (OSError, ValueError):  # a stream without a descriptor
        return False


def failure(stream: TextIO) -> OutputFile | None:
    """Return the file below a stream if its output has ended; None while it works, and for other streams."""
    below = getattr(stream, "buffer", None)
    return below if isinstance(below, OutputFile) and below.failure is not None else None


def _protected(stream: TextIO | None, descriptor: int) -> TextIO:
    encoding = stream.encoding if stream is not None else "utf-8"
    below = OutputFile(descriptor)
    return io.TextIOWrapper(below, encoding, "backslashreplace", newline="", write_through=True)  # type: ignore[type-var]


def _lead_to_null(descriptor: int, flags: int) -> None:
    null = os.open(os.devnull, flags)
    if null == descriptor:
        os.set_inheritable(null, True)
    else:
        os.dup2(null, descriptor)
        os.close(null)


def output_is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def write_to_terminal(text: str) -> None:
    """Write to standard output as it is: what moves the cursor, and texts that are masked and escaped already.

    Args:
        text: The text.
    """
    sys.stdout.write(text)
    sys.stdout.flush()


def output_encoding() -> str:
    """Return the encoding of standard output."""
    return sys.stdout.encoding or "utf-8"


def may_colour_output() -> bool:
    """Return whether standard output is a terminal and nobody has asked for no colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def output_width() -> int | None:
    """Return the width of the terminal, or `COLUMNS`; None for a pipe without it."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns[:6]) > 0:
        return int(columns[:6])
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):  # a pipe, or a stream without a descriptor
        return None
