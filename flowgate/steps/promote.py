"""Let a new generation of LiteLLM serve, and record the active profile."""

import json
from collections.abc import Mapping

from flowgate.domain import LiteLLMEnvironment, Value
from flowgate.gateway import litellm_environments, litellm_in_force
from flowgate.gateway.litellm_environments import EnvironmentRecord
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps._put_back import forget
from flowgate.system.clock import stamp


def promote(context: StepContext) -> Result | Change:
    """Let the LiteLLM that this run started serve, drain the older one, then write the active config and the state.

    When this run started none, its newest generation is meant.
    When LiteLLM does not run, this records what its next start will serve. The supervisor promotes only a generation
    that runs the settings of this run's profile, and refuses any other.

    Args:
        context: Tools and state of this run.

    Returns:
        `profile`, `generation` (null when LiteLLM does not run) and `switched` (whether the active profile changed).

    Raises:
        NotReady: The generation is not ready, or has ended. Nothing was written.
        EnvironmentFailure: The generation runs other settings. Nothing was written.
    """
    service = context.stack().services["litellm"]
    document, digest = service.documents[0], service.program.digest
    generation = context.supervisor.chosen("litellm")
    profile = context.run_state.profile.value
    state = read_state(context)
    active = context.files.read(context.config.paths.active_config)
    recorded = (state.get("current_profile"), state.get("digest")) == (profile, document.digest)
    record = litellm_environments.parse(context.files.read(litellm_environments.record_path(context.config)))
    environment = context.litellm()
    in_force = record.pending is None and record.in_force == environment.name
    serves = generation is None or (generation["phase"], generation["digest"]) == ("serving", digest)
    if serves and recorded and in_force and active == document.text:
        number = int(generation["number"]) if generation else None
        return unchanged(f"profile {profile} is active", profile=profile, switched=False, generation=number)

    def apply(acting: StepContext) -> Facts:
        meant = acting.supervisor.chosen("litellm")
        number = int(meant["number"]) if meant else None
        if number is not None:
            acting.supervisor.promote("litellm", number, digest)
            acting.run_state.replaced.clear()
            forget(acting)
        if not in_force:
            _record_environment(acting, record, environment)
        acting.files.write(acting.config.paths.active_config, document.text)
        switched = _record(acting, state, profile, document.digest)
        where = f"generation {number} serves it" if number is not None else "it serves from the next start of litellm"
        message = f"profile {profile} is active; {where}"
        return {"profile": profile, "generation": number, "switched": switched, "message": message}

    return change(f"activate profile {profile}", apply, facts={"profile": profile, "switched": True})


def _record_environment(context: StepContext, record: EnvironmentRecord, environment: LiteLLMEnvironment) -> None:
    """Write which environment of LiteLLM is in force and, when it changed, the event."""
    new = record.switched(environment.name, stamp(context.clock.wall()))
    context.files.write(litellm_environments.record_path(context.config), litellm_environments.dump(new))
    if new.in_force == record.in_force:
        return
    before = litellm_in_force.version(context.config, context.files.read, record.in_force)
    detail = f"{environment.version}, from {before}"
    context.event("litellm_version", service="litellm", result="ok", detail=detail)


def _record(context: StepContext, state: Mapping[str, Value], profile: str, digest: str) -> bool:
    """Write the state and, when the profile changed, the event; return whether it changed."""
    before = state.get("current_profile")
    new = {"current_profile": profile, "updated_at": stamp(context.clock.wall()), "digest": digest}
    context.files.write(context.config.paths.state_file, json.dumps(new, indent=2) + "\n")
    if before == profile:
        return False
    context.event("profile_switch", service="litellm", profile=profile, result="ok", detail=f"from {before or 'none'}")
    return True


def read_state(context: StepContext) -> Mapping[str, Value]:
    """Read which profile was active last.

    Args:
        context: Tools and state of this run.

    Returns:
        The content of the state file; empty when there is none or it is damaged, which is reported.
    """
    text = context.files.read(context.config.paths.state_file)
    if not text:
        return {}
    try:
        state = json.loads(text)
    except ValueError:
        context.emit(f"warning: {context.config.paths.state_file} is damaged; it will be replaced")
        return {}
    return state if isinstance(state, dict) else {}
