"""Start programs."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowgate.errors import DiskError, EnvironmentFailure, FlowGateError, ProgramMissing
from flowgate.system.disk_errors import disk_error, make_private_folder, translate_os_errors
from flowgate.system.regular_files import open_regular


def spawn(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    output: Path,
    pass_fds: Sequence[int] = (),
    umask: int = 0o077,
) -> subprocess.Popen[bytes]:
    """Start a program in its own session, without a terminal.

    Args:
        argv: The command; argv[0] is an absolute path.
        cwd: The working folder.
        env: The complete environment.
        output: The file (0600) to which stdout and stderr are appended.
        pass_fds: File descriptors that the program inherits under the same numbers.
        umask: The program's umask.

    Returns:
        The running process.

    Raises:
        ProgramMissing: The program is missing or cannot be executed.
        DiskError: The working folder is missing, or `output` cannot be written.
        EnvironmentFailure: It could not be started for another reason.
    """
    handle = open_log(output)
    try:
        return subprocess.Popen(
            list(argv),
            cwd=str(cwd),
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            umask=umask,
        )
    except OSError as error:
        raise start_error(argv[0], cwd, error) from None
    finally:
        os.close(handle)


def open_log(path: Path) -> int:
    """Open a log file (0600) for appending.

    Args:
        path: The file. Missing folders are created.

    Returns:
        The descriptor.

    Raises:
        DiskError: It cannot be opened.
    """
    make_private_folder(path.parent)
    with translate_os_errors(path):
        return open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def run_visible(argv: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None) -> int:
    """Run a tool to its end, with our terminal.

    Args:
        argv: The command.
        cwd: The working folder.
        env: Its environment; default: ours.

    Returns:
        The exit code; 128 plus the number of the signal that ended it, as in a shell.

    Raises:
        ProgramMissing: The tool is missing or cannot be executed.
        DiskError: The working folder is missing.
        EnvironmentFailure: It could not be started for another reason.
    """
    try:
        code = subprocess.run(list(argv), cwd=str(cwd), env=env, check=False).returncode
    except OSError as error:
        raise start_error(argv[0], cwd, error) from None
    return code if code >= 0 else 128 - code


def start_error(program: str, cwd: Path, error: OSError) -> FlowGateError:
    """Translate the exception of `Popen`.

    Args:
        program: The program.
        cwd: The working folder.
        error: The exception.

    Returns:
        DiskError for the working folder, ProgramMissing for the program, else EnvironmentFailure.
    """
    if error.filename == str(cwd):  # Popen names the file that failed
        if error.errno == errno.ENOENT:
            return DiskError(f"the working folder {cwd} does not exist", fix="create it")
        return disk_error(cwd, error)
    if error.errno == errno.ENOENT and Path(program).exists():
        what, fix = "names an interpreter in its first line that does not exist", f"head -1 {program} shows it"
    elif error.errno in (errno.ENOENT, errno.ENOTDIR):
        what, fix = "does not exist", "put the program there, or choose another one"
    elif error.errno == errno.EACCES:
        what, fix = "cannot be executed", f"chmod u+x {program}"
    elif error.errno == errno.ENOEXEC:
        what, fix = "is not a program for this machine", f"file {program} shows its type; a script begins with #!"
    else:
        return EnvironmentFailure(f"{program} could not be started: {error.strerror or error}")
    return ProgramMissing(f"{program} {what}", fix=fix)
