"""Send home a generation that never got to serve."""

from typing import Literal

from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def discard(context: StepContext, service: Literal["litellm", "cliproxyapi_plus"] = "litellm") -> Result | Change:
    """Send home a generation that never got to serve; the one that serves is left alone.

    Args:
        context: Tools and state of this run.
        service: Whose candidate.

    Returns:
        Dismissed (the generation's number, or none).
    """
    generation = context.supervisor.generation(service)
    if generation is None or generation["phase"] == "serving":
        return unchanged(f"{service} has no candidate", discarded=None)
    number = int(generation["number"])

    def apply(r: StepContext) -> Facts:
        r.supervisor.discard(service, number)
        return {"discarded": number}

    return change(f"dismiss generation {number} of {service}", apply, facts={"discarded": number})
