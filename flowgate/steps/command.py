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
        cmd: The same as one text, split into words but not run by a shell; short form: `command: ls -l`.
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
    folder, env = (cwd or chdir or Path()).absolute(), _checked_environment(env or {})
    shown = _shorten(shell if shell is not None else shlex.join(words))
    if creates is not None and context.files.is_there(folder / creates):
        return unchanged(f"not run: {creates} exists", **_facts(words, 0, "", ""))
    if removes is not None and not context.files.is_there(folder / removes):
        return unchanged(f"not run: {removes} does not exist", **_facts(words, 0, "", ""))

    def apply(acting: StepContext) -> Facts:
        ended = acting.run(words, cwd=folder, env=env, stdin=stdin)
        facts = _facts(words, ended.code, ended.stdout, ended.stderr)
        if ended.code:
            log = [*_lines(ended.stdout), *_lines(ended.stderr)][-LOG_LINES:]
            raise CheckFailed(f"`{shown}` {_ending(ended.code)}", log=log, facts={**facts, "changed": True})
        return {**facts, "message": f"ran {shown}"}

    return change(f"run {shown}", apply, unpredicted=UNPREDICTED)


def _shorten(line: str) -> str:
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def _ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def _words(argv: list[str] | None, cmd: str | None, shell: str | None) -> list[str]:
    given = [name for name, value in (("argv", argv), ("cmd", cmd), ("shell", shell)) if value is not None]
    if len(given) != 1:
        what = f"a command is given once, not by {' and '.join(given)}" if given else "no command is given"
        raise UsageError(what, fix="write: command: { argv: [program, word] }, or command: { shell: text }")
    try:
        words = ["/bin/sh", "-c", shell] if shell is not None else shlex.split(cmd) if cmd is not None else argv
    except ValueError as fault:
        raise UsageError(f"the command cannot be split into words: {str(fault).lower()}") from None
    if words and not words[0].strip():
        raise UsageError("the name of the program is empty")
    if not words or any("\0" in word for word in words):
        raise UsageError("the command is empty" if not words else "a command cannot contain a NUL character")
    return words


def _checked_environment(env: dict[str, str]) -> dict[str, str]:
    for name, value in env.items():
        if not name or "=" in name or "\0" in name + value:
            what = "its value has a NUL character" if "\0" in value else "a name is not empty, without = and NUL"
            raise UsageError(f"{name[:40]!r} cannot be set in the environment: {what}")
    return env


def _facts(words: list[str], code: int, stdout: str, stderr: str) -> Facts:
    lines = {"stdout_lines": _lines(stdout), "stderr_lines": _lines(stderr)}
    return {"rc": code, "stdout": stdout.rstrip("\r\n"), "stderr": stderr.rstrip("\r\n"), **lines, "cmd": words}


def _lines(output: str) -> list[str]:
    return output.rstrip("\r\n").splitlines()
