"""Import a version of LiteLLM beside the one that serves, so that a hand-over to it takes a second."""

from __future__ import annotations

from dataclasses import replace

from flowgate.domain import LiteLLMEnvironment
from flowgate.errors import UsageError
from flowgate.gateway import litellm, litellm_environments, litellm_in_force
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps.use_litellm import write_runner

PREPARED_SECONDS = 3600.0


def prepare_litellm(
    context: StepContext, version: str = "", seconds: float = PREPARED_SECONDS, expected: bool = False
) -> Result | Change:
    """Import a version of LiteLLM in a fork server beside the one that serves, so that a hand-over takes a second.

    The environment of a version that is not in force is kept until the next upgrade; `prune` deletes it otherwise.

    Args:
        context: Tools and state of this run.
        version: Version of LiteLLM; if empty, the one that is in force.
        seconds: How long the fork server is kept when nothing that runs needs it; 0 ends it.
        expected: An earlier task of this run installs it; in check mode it is not there yet.

    Returns:
        `version` and `prepared` (whether the fork server has imported LiteLLM).

    Raises:
        ProgramMissing: The version that was named is not installed.
    """
    config, read, record = context.config, context.files.read, context.litellm_record()
    name = litellm_in_force.named(config, read, version) if version else record.in_force
    if not version and litellm_in_force.environment(config, read, name) is None:
        return unchanged(f"the environment of LiteLLM {name} is missing; it cannot be kept ready", prepared=False)
    chosen = litellm_in_force.required(config, read, name, expected)
    is_new = name != record.in_force
    records = is_new and record.prepared != name and seconds > 0
    if not records and context.supervisor.generation(litellm.NAME) is None:
        return unchanged("LiteLLM is not running", version=chosen.version, prepared=False)

    def apply(acting: StepContext) -> Facts:
        if records:
            text = litellm_environments.dump(replace(record, prepared=name))
            acting.files.write(litellm_environments.record_path(config), text)
        return _import(acting, chosen, seconds)

    summary = f"import LiteLLM {chosen.version} beside the one that serves"
    return change(summary, apply, facts={"version": chosen.version, "prepared": True}, changes=records)


def _import(context: StepContext, environment: LiteLLMEnvironment, seconds: float) -> Facts:
    """Let the supervisor keep a fork server of an environment, and wait until it has imported LiteLLM."""
    version = environment.version
    facts: Facts = {"version": version, "prepared": False}
    if context.supervisor.generation(litellm.NAME) is None:
        return {**facts, "message": f"LiteLLM {version} can be used; LiteLLM is not running"}
    trial = replace(context, run_state=replace(context.run_state, litellm=environment))
    try:
        program = trial.with_environment(trial.stack().services[litellm.NAME])
    except UsageError as error:
        return {**facts, "message": f"LiteLLM {version} is not kept ready: {error.what}"}
    write_runner(context, environment)
    ready = context.supervisor.reserve_fork_server(program, seconds)
    if seconds <= 0:
        return {**facts, "message": f"LiteLLM {version} is not kept ready any longer"}
    done = f"is ready for {seconds / 60:g} min" if ready else "cannot be kept ready; a start imports it"
    return {**facts, "prepared": ready, "message": f"LiteLLM {version} {done}"}
