"""Stop a candidate: a generation that does not serve yet."""

from typing import Literal

from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps._put_back import outdated, put_back


def discard(context: StepContext, service: Literal["litellm", "cliproxyapi_plus"] = "litellm") -> Result | Change:
    """Stop a candidate, a generation that does not serve yet; the serving generation is not affected.

    When this run has started generations of the service, only one of these is stopped. Config files that this run has
    replaced and that running services read are written back, unless it has promoted a LiteLLM.

    Args:
        context: Tools and state of this run.
        service: The service.

    Returns:
        `discarded` (number of the generation, or null) and `restored` (paths of what was written back).
    """
    generation = context.supervisor.generation(service)
    mine = [number for name, number in context.supervisor.started if name == service]
    foreign = generation is None or generation["phase"] == "serving" or (mine and generation["number"] not in mine)
    number = None if foreign or generation is None else int(generation["number"])
    replaced = outdated(context)
    if number is None and not replaced:
        return unchanged(f"there is no candidate of {service}", discarded=None, restored=[])
    names = ", ".join(path.name for path in replaced)

    def apply(acting: StepContext) -> Facts:
        if number is not None:
            acting.supervisor.discard(service, number)
        restored = put_back(acting)
        did = [f"discarded {service} generation {number}"] if number is not None else []
        did += [f"wrote {names} back"] if restored else []
        return {"discarded": number, "restored": [str(path) for path in restored], "message": "; ".join(did)}

    will = [f"discard {service} generation {number}"] if number is not None else []
    will += [f"write {names} back"] if replaced else []
    return change(" and ".join(will), apply, facts={"discarded": number, "restored": [str(one) for one in replaced]})
