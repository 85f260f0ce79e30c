"""Hold new questions at LiteLLM's door, and wait for a quiet moment."""

from flowgate.errors import NotReady
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged

SERVICE = "litellm"


def hold_requests(context: StepContext, timeout: float | None = None, now: bool = False) -> Result | Change:
    """Hold new questions at LiteLLM's door, and wait for a moment in which nothing is under way.

    Args:
        context: Tools and state of this run.
        timeout: Seconds to wait for it; `hold_timeout` of the config when absent.
        now: Do not wait: what is under way will be cut.

    Returns:
        Held (whether anything is held), under_way (answers that would be cut).

    Raises:
        NotReady: The moment does not come.
        FlowGateError: Nothing is held then, and nothing was cut.
    """
    if context.supervisor.generation(SERVICE) is None:
        return unchanged("nobody asks: litellm is not running", held=False, under_way=0)
    seconds = context.config.services[SERVICE].hold_timeout if timeout is None else timeout

    def apply(r: StepContext) -> Facts:
        busy, oldest = r.supervisor.hold_requests(SERVICE, 0.0 if now else seconds)
        if busy and not now:
            r.supervisor.release_requests(SERVICE)
            answers = "1 answer is" if busy == 1 else f"{busy} answers are"
            what = f"{answers} still under way after {seconds:g} s, the oldest for {oldest:.0f} s; nothing was cut"
            raise NotReady(what, fix="wait for them, or add --now, which cuts them")
        message = "new questions wait" + (f"; {busy} under way will be cut" if busy else "")
        return {"held": True, "under_way": busy, "message": message}

    return change("hold new questions, wait for a quiet moment", apply, changes=False)
