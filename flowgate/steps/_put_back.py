"""Write back the config files that running services read, when what they were written for is refused.

LiteLLM reads its config once, from a file of its own. CLIProxyAPIPlus rereads its one file when it is written, and
the test of a new LiteLLM needs it; so it is written before the test, and written back when LiteLLM is refused. A note
of what it was lies in the runtime folder meanwhile: if this command is killed, the supervisor, or the next command,
writes it back.
"""

from __future__ import annotations

from pathlib import Path

from flowgate.gateway import litellm
from flowgate.step import StepContext
from flowgate.supervisor import replaced_files


def outdated(context: StepContext) -> list[Path]:
    """Return the files that this run has replaced for a LiteLLM that does not serve.

    Args:
        context: Tools and state of this run.

    Returns:
        Their paths; empty if no LiteLLM ran before, or once this run has promoted one.
    """
    return [path for path, before in context.run_state.replaced.items() if context.files.read(path) != before]


def put_back(context: StepContext) -> list[Path]:
    """Write back the files that this run has replaced for a LiteLLM that does not serve.

    Args:
        context: Tools and state of this run.

    Returns:
        The paths of what was written back, or deleted because there was no such file before.
    """
    paths = outdated(context)
    for path in paths:
        before = context.run_state.replaced[path]
        if before is None:
            context.files.delete([path])
        else:
            context.files.write(path, before, in_place=True)
    forget(context)
    return paths


def remember(context: StepContext) -> None:
    """Note what this run replaces for a LiteLLM that does not serve yet, before it is replaced.

    Args:
        context: Tools and state of this run.
    """
    serving = replaced_files.serving_digest(context.supervisor.status(), litellm.NAME)
    if serving is not None and context.run_state.replaced:
        note = replaced_files.dump(litellm.NAME, serving, context.run_state.replaced)
        context.files.write(replaced_files.place(context.runtime), note)


def forget(context: StepContext) -> None:
    """Delete the note: what this run has replaced is in force, or was written back.

    Args:
        context: Tools and state of this run.
    """
    context.files.delete([replaced_files.place(context.runtime)])
