"""Send home a generation that never got to serve."""

from typing import Literal

from flowgate.step import Facts, Reach, Result, Todo, same, todo


def dismiss(reach: Reach, service: Literal["litellm", "cliproxyapi_plus"] = "litellm") -> Result | Todo:
    """Send home a generation that never got to serve; the one that serves is left alone.

    service: whose candidate
    Gives: dismissed (the generation's number, or none)
    """
    generation = reach.keeper.generation(service)
    if generation is None or generation["phase"] == "serving":
        return same(f"{service} has no candidate", dismissed=None)
    number = int(generation["number"])

    def do(r: Reach) -> Facts:
        r.keeper.dismiss(service, number)
        return {"dismissed": number}

    return todo(f"dismiss generation {number} of {service}", do, facts={"dismissed": number})
