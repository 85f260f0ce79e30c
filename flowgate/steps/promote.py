"""Let the newest generation serve, and write down what is in force."""

import json
from typing import Any

from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system.clock import stamp


def promote(context: StepContext) -> Result | Change:
    """Let LiteLLM's newest generation serve and the older one drain; then write the active config and the state.

    When LiteLLM is not running, this is what its next start will serve.

    Gives: profile, generation (none when LiteLLM is not running), switched (whether another profile is in force now)
    Fails with: NotReady when the newest generation is not ready
    """
    service = context.stack().services["litellm"]
    document = service.documents[0]
    generation = context.supervisor.generation("litellm")
    profile = context.run_state.profile.value
    state = read_state(context)
    written = (
        context.files.read(context.config.paths.active_config) == document.text
        and state.get("digest") == document.digest
    )
    settled = generation is None or generation["phase"] == "serving"
    number = int(generation["number"]) if generation else None
    if settled and written and state.get("current_profile") == profile:
        return unchanged(f"{profile} is in force", profile=profile, switched=False, generation=number)

    def do(r: StepContext) -> Facts:
        newest = r.supervisor.generation("litellm")
        number = int(newest["number"]) if newest else None
        if number is not None:
            r.supervisor.promote("litellm", number)
        r.files.write(r.config.paths.active_config, document.text)
        was = state.get("current_profile")
        new = {"current_profile": profile, "updated_at": stamp(r.clock.wall()), "digest": document.digest}
        r.files.write(r.config.paths.state_file, json.dumps(new, indent=2) + "\n")
        if was != profile:
            r.event("profile_switch", service="litellm", profile=profile, result="ok", detail=f"from {was or 'none'}")
        served = (
            f"generation {number} serves it" if number is not None else "for the next start: litellm is not running"
        )
        message = f"{profile} is in force; {served}"
        return {"profile": profile, "generation": number, "switched": was != profile, "message": message}

    return change(f"put {profile} in force", do, facts={"profile": profile, "switched": True})


def read_state(context: StepContext) -> dict[str, Any]:
    """Read what was in force last; a state that cannot be read counts as none, and is written anew."""
    text = context.files.read(context.config.paths.state_file)
    if not text:
        return {}
    try:
        state = json.loads(text)
    except ValueError:
        context.emit(f"warning: {context.config.paths.state_file} cannot be read; it will be written anew")
        return {}
    return state if isinstance(state, dict) else {}
