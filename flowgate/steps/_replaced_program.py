"""Whether CLIProxyAPIPlus runs from a file that has been replaced since: an update needs a restart."""

from __future__ import annotations

from flowgate.context import StepContext
from flowgate.gateway import cliproxy, install_record
from flowgate.system import processes

RESTART = f"inv service.restart --service {cliproxy.NAME}"


def replaced_program(context: StepContext) -> str:
    """Say that the running CLIProxyAPIPlus is not the installed one; empty if it is, or if that is not known.

    Args:
        context: Tools and state of this run.
    """
    running = context.supervisor.generation(cliproxy.NAME)
    program, paths = cliproxy.binary(context.config), install_record.install_paths(context.config)
    if running is None or running.get("pid") is None or program != paths.program:
        return ""
    if processes.runs_file(running["pid"], program) is not False:
        return ""
    installed = install_record.read(context.files.read(paths.lock))
    older = install_record.read(context.files.read(paths.previous_lock))
    is_previous = older is not None and processes.runs_file(running["pid"], paths.previous)
    old = older.version if older and is_previous else "the program that was replaced"
    new = installed.version if installed else "another one"
    return f"{cliproxy.NAME} still runs {old}, and {new} is installed"
