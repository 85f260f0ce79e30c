"""Hold new requests at LiteLLM until no request is in progress."""

from flowgate.errors import NotReady
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged

SERVICE = "litellm"


def hold_requests(context: StepContext, timeout: float | None = None, now: bool = False) -> Result | Change:
    """Hold new requests at LiteLLM, and wait until no request is in progress.

    Args:
        context: Tools and state of this run.
        timeout: Seconds to wait; default is `hold_timeout` of the config.
        now: Do not wait; requests in progress will be cut.

    Returns:
        `held` (whether requests are held), `under_way` (number of requests in progress, which will be cut).

    Raises:
        NotReady: Requests are still in progress after the timeout; nothing is held then, and nothing was cut.
    """
    if context.supervisor.generation(SERVICE) is None:
        return unchanged("litellm is not running; there are no requests to hold", held=False, under_way=0)
    seconds = context.config.services[SERVICE].hold_timeout if timeout is None else timeout

    def apply(acting: StepContext) -> Facts:
        busy, oldest = acting.supervisor.hold_requests(SERVICE, 0.0 if now else seconds)
        if busy and not now:
            acting.supervisor.release_requests(SERVICE)
            requests = "1 request is" if busy == 1 else f"{busy} requests are"
            what = f"{requests} still in progress after {seconds:g} s, the oldest for {oldest:.0f} s; nothing was cut"
            raise NotReady(what, fix="wait until they end, or add --now, which cuts them")
        message = "holding new requests" + (f"; {busy} in progress will be cut" if busy else "")
        return {"held": True, "under_way": busy, "message": message}

    return change("hold new requests until none is in progress", apply, changes=False)
