"""Exit codes: every command runs through `guarded`, which turns errors into messages and exit codes."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.cli import console
from flowgate.errors import FlowGateError, Interrupted

BUG = 70


def guarded(body: Callable[[], int | None]) -> int:
    """Run a command and print the error that ends it.

    Args:
        body: The command; returns its exit code, None for 0.

    Returns:
        0 when done, else the error's own code; 70 for a bug of FlowGate, whose traceback goes to a file.
    """
    try:
        return body() or 0
    except FlowGateError as error:
        console.print_error(error)
        return error.code
    except KeyboardInterrupt:
        console.note("interrupted")
        return Interrupted.code
    except BrokenPipeError:  # the reader of our output has ended (`| head`)
        console.discard_stdout()
        return 0
    except Exception as bug:  # noqa: BLE001 - the outermost loop: no user sees a traceback
        return print_bug(bug)


def print_bug(bug: BaseException) -> int:
    """Save the traceback of a bug in a file and print where it is.

    Args:
        bug: The exception.

    Returns:
        The exit code of a bug.
    """
    import traceback

    from flowgate.playbook.plugins import plugin_error_location
    from flowgate.system import files

    path = files.save_traceback("".join(traceback.format_exception(bug)))
    place = plugin_error_location(bug)
    whose = f"a bug in a step of your own ({place})" if place else "a bug in FlowGate"
    console.note(f"error: {whose}: {type(bug).__name__}: {bug}; the traceback is in {path}")
    return BUG
