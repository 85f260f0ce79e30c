"""Let questions go on that were held."""

from flowgate.errors import Unreachable
from flowgate.gateway import cliproxy
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system.clock import poll

SERVICE = "litellm"
MODELS_SECONDS = 3.0  # a program that has just come up lists its models a moment after it answers


def release_requests(context: StepContext) -> Result | Change:
    """Let questions go on that were held, once CLIProxyAPIPlus lists its models again.

    Args:
        context: Tools and state of this run.

    Returns:
        Models (how many it lists).
    """
    if context.supervisor.generation(SERVICE) is None:
        return unchanged("nobody waits: litellm is not running", models=0)

    def apply(r: StepContext) -> Facts:
        listed = poll(lambda: models(r), r.clock, every=0.05, timeout=MODELS_SECONDS) or 0
        r.supervisor.release_requests(SERVICE)
        return {"models": listed, "message": f"questions go on; {listed} models are listed"}

    return change("let questions go on", apply, changes=False)


def models(context: StepContext) -> int:
    """Count the models that CLIProxyAPIPlus lists; 0 while it does not answer."""
    generation = context.supervisor.generation(cliproxy.NAME)
    key = context.key(cliproxy.UPSTREAM_KEY)
    if generation is None:
        return 0
    url = f"http://{generation['host']}:{generation['port']}/v1/models"
    try:
        answer = context.http.get(url, headers={"Authorization": key.bearer()} if key else {})
    except Unreachable:
        return 0
    return answer.text.count('"object":"model"') if answer.ok else 0
