"""Let the newest generation serve, and write down what is in force."""

import json
from typing import Any

from flowgate.step import Facts, Reach, Result, Todo, same, todo
from flowgate.system.clock import stamp


def promote(reach: Reach) -> Result | Todo:
    """Let LiteLLM's newest generation serve and the older one drain; then write the active config and the state.

    When LiteLLM is not running, this is what its next start will serve.

    Gives: profile, generation (none when LiteLLM is not running), switched (whether another profile is in force now)
    Fails with: NotReady when the newest generation is not ready
    """
    service = reach.stack().services["litellm"]
    document = service.documents[0]
    generation = reach.keeper.generation("litellm")
    profile = reach.choice.profile.value
    state = read_state(reach)
    written = (
        reach.files.read(reach.config.paths.active_config) == document.text and state.get("digest") == document.digest
    )
    settled = generation is None or generation["phase"] == "serving"
    number = int(generation["number"]) if generation else None
    if settled and written and state.get("current_profile") == profile:
        return same(f"{profile} is in force", profile=profile, switched=False, generation=number)

    def do(r: Reach) -> Facts:
        newest = r.keeper.generation("litellm")
        number = int(newest["number"]) if newest else None
        if number is not None:
            r.keeper.promote("litellm", number)
        r.files.write(r.config.paths.active_config, document.text)
        was = state.get("current_profile")
        new = {"current_profile": profile, "updated_at": stamp(r.clock.wall()), "digest": document.digest}
        r.files.write(r.config.paths.state_file, json.dumps(new, indent=2) + "\n")
        if was != profile:
            r.event("profile_switch", service="litellm", profile=profile, result="ok", detail=f"from {was or 'none'}")
        served = (
            f"generation {number} serves it" if number is not None else "for the next start: litellm is not running"
        )
        said = f"{profile} is in force; {served}"
        return {"profile": profile, "generation": number, "switched": was != profile, "said": said}

    return todo(f"put {profile} in force", do, facts={"profile": profile, "switched": True})


def read_state(reach: Reach) -> dict[str, Any]:
    """Read what was in force last; a state that cannot be read counts as none, and is written anew."""
    text = reach.files.read(reach.config.paths.state_file)
    if not text:
        return {}
    try:
        state = json.loads(text)
    except ValueError:
        reach.tell(f"warning: {reach.config.paths.state_file} cannot be read; it will be written anew")
        return {}
    return state if isinstance(state, dict) else {}
