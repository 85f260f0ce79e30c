"""Stop a candidate: a generation that does not serve yet."""

from typing import Literal

from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def discard(context: StepContext, service: Literal["litellm", "cliproxyapi_plus"] = "litellm") -> Result | Change:
    """Stop a candidate, a generation that does not serve yet; the serving generation is not affected.

    When this run has started generations of the service, only one of these is stopped.

    Args:
        context: Tools and state of this run.
        service: The service.

    Returns:
        `discarded` (number of the generation, or null).
    """
    generation = context.supervisor.generation(service)
    mine = [number for name, number in context.supervisor.started if name == service]
    if generation is None or generation["phase"] == "serving" or (mine and generation["number"] not in mine):
        return unchanged(f"there is no candidate of {service}", discarded=None)
    number = generation["number"]

    def apply(acting: StepContext) -> Facts:
        acting.supervisor.discard(service, number)
        return {"discarded": number, "message": f"discarded {service} generation {number}"}

    return change(f"discard {service} generation {number}", apply, facts={"discarded": number})
