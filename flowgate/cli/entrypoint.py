"""Exit codes: every command runs through `guarded`, which turns errors into messages and exit codes."""

from __future__ import annotations

from collections.abc import Callable

from flowgate.cli import console
from flowgate.errors import EnvironmentFailure, FlowGateError, Interrupted

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
    except OSError as error:
        if error.filename is None:
            return print_bug(error)
        return print_refusal(error)
    except Exception as bug:  # noqa: BLE001 - the outermost loop: no user sees a traceback
        return print_bug(bug)


def complete(code: int) -> int:
    """End a command whose output may have been lost.

    Args:
        code: Its exit code.

    Returns:
        The code; 3 for a command that succeeded but whose data could not be written. A reader that went away, as in
        `| head`, changes nothing.
    """
    lost = console.lost_output()
    if not lost:
        return code
    console.note(f"error: the output could not be written: {lost}")
    return code or EnvironmentFailure.code


def print_refusal(error: OSError) -> int:
    """Print an error of the system about a file, such as a folder of another user.

    Args:
        error: An error that names a file.

    Returns:
        The exit code.
    """
    from pathlib import Path

    from flowgate.system.disk_errors import disk_error

    name = error.filename
    refused = disk_error(Path(name.decode(errors="replace") if isinstance(name, bytes) else str(name)), error)
    console.print_error(refused)
    return refused.code


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

    try:
        saved = f"the traceback is in {files.save_traceback(''.join(traceback.format_exception(bug)))}"
    except FlowGateError as error:
        saved = f"the traceback could not be saved: {error}"
    place = plugin_error_location(bug)
    whose = f"a bug in a step of your own ({place})" if place else "a bug in FlowGate"
    console.note(f"error: {whose}: {type(bug).__name__}: {bug}; {saved}")
    return BUG
