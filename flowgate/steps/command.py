"""Run a command."""

import shlex
from pathlib import Path

from flowgate.errors import CheckFailed, UsageError
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged

LOG_LINES = 15
SHOWN = 60  # characters of a command line in messages
UNPREDICTED = "the effect of a command cannot be predicted"


def command(
    context: StepContext,
    argv: list[str] | None = None,
    cmd: str | None = None,
    shell: str | None = None,
    creates: Path | None = None,
    removes: Path | None = None,
    cwd: Path | None = None,
    chdir: Path | None = None,
    env: dict[str, str] | None = None,
    stdin: str | None = None,
) -> Result | Change:
    """Run a command; it fails if its exit code is not 0.

    Args:
        context: Tools and state of this run.
        argv: Program and arguments; short form: `command: [ls, -l]`.
        cmd: The same as one text, split into words as a shell does, but not run by a shell; short form:
            `command: ls -l`.
        shell: Text that `/bin/sh` runs, with pipes, variables and patterns.
        creates: If this file exists, the command is not run.
        removes: If this file does not exist, the command is not run.
        cwd: Working folder; default is the current one.
        chdir: The same, under Ansible's name.
        env: Variables that are added to the environment.
        stdin: Standard input; default is empty.

    Returns:
        `rc`, `stdout` and `stderr` (without trailing newlines), `stdout_lines`, `stderr_lines`, `cmd` (the words).

    Raises:
        CheckFailed: The exit code is not 0; shows the last lines of output.
        ProgramMissing: The program does not exist.
    """
    words = _words(argv, cmd, shell)
    folder = (cwd or chdir or Path()).absolute()
    shown = shell if shell is not None else shlex.join(words)
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
    for path, blocking in ((creates, True), (removes, False)):
        if path is not None and context.files.is_there(folder / path) is blocking:
            reason = f"{path} exists" if blocking else f"{path} does not exist"
            return unchanged(f"not run: {reason}", **_facts(words, 0, "", ""))

    def apply(acting: StepContext) -> Facts:
        ended = acting.run(words, cwd=folder, env=env or {}, stdin=stdin)
        facts = _facts(words, ended.code, ended.stdout, ended.stderr)
        if ended.code:
            how = f"was ended by signal {-ended.code}" if ended.code < 0 else f"ended with exit code {ended.code}"
            log = [*facts["stdout_lines"], *facts["stderr_lines"]][-LOG_LINES:]
            raise CheckFailed(f"`{shown}` {how}", log=log, facts={**facts, "changed": True})
        return {**facts, "message": f"ran {shown}"}

    return change(f"run {shown}", apply, unpredicted=UNPREDICTED)


def _words(argv: list[str] | None, cmd: str | None, shell: str | None) -> list[str]:
    given = [name for name, value in (("argv", argv), ("cmd", cmd), ("shell", shell)) if value is not None]
    if len(given) != 1:
        what = f"a command is given once, not by {' and '.join(given)}" if given else "no command is given"
        raise UsageError(what, fix="write: command: { argv: [program, word] }, or command: { shell: text }")
    try:
        words = ["/bin/sh", "-c", shell] if shell is not None else shlex.split(cmd) if cmd is not None else argv
    except ValueError as fault:
        raise UsageError(f"the command cannot be split into words: {str(fault).lower()}") from None
    if not words or any("\0" in word for word in words):
        raise UsageError("the command is empty" if not words else "a command cannot contain a NUL character")
    return words


def _facts(words: list[str], code: int, stdout: str, stderr: str) -> Facts:
    out, err = stdout.rstrip("\r\n"), stderr.rstrip("\r\n")
    lines = {"stdout_lines": out.splitlines(), "stderr_lines": err.splitlines()}
    return {"rc": code, "stdout": out, "stderr": err, **lines, "cmd": words}
