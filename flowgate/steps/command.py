"""Run a command."""

import shlex
from pathlib import Path

from flowgate.errors import CheckFailed, UsageError
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged

LOG_LINES = 15
SHOWN = 60  # characters of a command line in messages
OPAQUE = "what a command does cannot be foretold"


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
    """Run a command; it fails unless its exit code is 0.

    Args:
        context: Tools and state of this run.
        argv: The program and its words, each one word however it is spelt; written alone: `command: [ls, -l]`.
        cmd: The same as one text, split as a shell splits words, but no shell reads it; written alone: `command:
            ls -l`.
        shell: A text for /bin/sh, with pipes, variables and patterns.
        creates: A file; when it is there already nothing is run.
        removes: A file; when it is not there nothing is run.
        cwd: The working folder; the current one when absent.
        chdir: The same, as Ansible spells it.
        env: Variables added to the environment.
        stdin: What the command can read; nothing when absent.

    Returns:
        rc, stdout, stderr (without their last line ends), stdout_lines, stderr_lines, cmd (the words that
        were run).

    Raises:
        CheckFailed: With its last lines.
        ProgramMissing: See the message.
    """
    words = _words(argv, cmd, shell)
    folder = context.here(cwd or chdir or Path())
    shown = shell if shell is not None else shlex.join(words)
    shown = shown if len(shown) <= SHOWN else f"{shown[: SHOWN - 1]}…"
    for path, wanted in ((creates, True), (removes, False)):
        if path is not None and context.files.is_there(folder / path) is wanted:
            reason = f"{path} is there already" if wanted else f"{path} is not there"
            return unchanged(f"not run: {reason}", **_facts(words, 0, "", ""))

    def apply(r: StepContext) -> Facts:
        ended = r.run(words, cwd=folder, env=env or {}, stdin=stdin)
        facts = _facts(words, ended.code, ended.stdout, ended.stderr)
        if ended.code:
            by = f"was ended by signal {-ended.code}" if ended.code < 0 else f"ended with exit code {ended.code}"
            log = [*facts["stdout_lines"], *facts["stderr_lines"]][-LOG_LINES:]
            raise CheckFailed(f"`{shown}` {by}", log=log, facts={**facts, "changed": True})
        return {**facts, "message": f"ran {shown}"}

    return change(f"run {shown}", apply, unpredicted=OPAQUE)


def _words(argv: list[str] | None, cmd: str | None, shell: str | None) -> list[str]:
    given = [name for name, value in (("argv", argv), ("cmd", cmd), ("shell", shell)) if value is not None]
    if len(given) != 1:
        what = f"a command is written once, here by {' and '.join(given)}" if given else "no command is written"
        raise UsageError(what, fix="write: command: { argv: [program, word] }, or command: { shell: text }")
    try:
        words = ["/bin/sh", "-c", shell] if shell is not None else shlex.split(cmd) if cmd is not None else argv
    except ValueError as fault:
        raise UsageError(f"the command cannot be split into words: {str(fault).lower()}") from None
    if not words or any("\0" in word for word in words):
        raise UsageError("the command is empty" if not words else "a command's words cannot hold a NUL character")
    return words


def _facts(words: list[str], code: int, stdout: str, stderr: str) -> Facts:
    out, err = stdout.rstrip("\r\n"), stderr.rstrip("\r\n")
    lines = {"stdout_lines": out.splitlines(), "stderr_lines": err.splitlines()}
    return {"rc": code, "stdout": out, "stderr": err, **lines, "cmd": words}
