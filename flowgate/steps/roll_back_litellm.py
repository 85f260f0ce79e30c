"""Choose the LiteLLM that was in force before for the rest of a run."""

from __future__ import annotations

from flowgate.errors import ProgramMissing
from flowgate.gateway import litellm_in_force
from flowgate.step import Change, Result, StepContext
from flowgate.steps.use_litellm import choice, require_runner


def roll_back_litellm(context: StepContext) -> Result | Change:
    """Choose the LiteLLM that was in force before the last upgrade; a second rollback undoes the first.

    Args:
        context: Tools and state of this run.

    Returns:
        The facts of `use_litellm`.

    Raises:
        ProgramMissing: There is no previous one, or it is not installed any more.
        UsageError: The config starts LiteLLM by a program of its own.
    """
    require_runner(context)
    record = context.litellm_record()
    if record.previous is None:
        fix = "inv litellm.upgrade --to VERSION"
        raise ProgramMissing("there is no previous LiteLLM to roll back to", fix=fix)
    found = litellm_in_force.required(context.config, context.files.read, record.previous)
    context.run_state.litellm = found
    return choice(context, found, record)
