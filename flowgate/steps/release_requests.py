"""Release the requests that are held at LiteLLM."""

from flowgate.errors import Unreachable
from flowgate.gateway import cliproxy
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.system.clock import poll

SERVICE = "litellm"
MODELS_SECONDS = 3.0  # CLIProxyAPIPlus lists its models shortly after it is ready


def release_requests(context: StepContext) -> Result | Change:
    """Release the requests that are held at LiteLLM, once CLIProxyAPIPlus lists its models again.

    Args:
        context: Tools and state of this run.

    Returns:
        `models` (number of models that CLIProxyAPIPlus lists).
    """
    if context.supervisor.generation(SERVICE) is None:
        return unchanged("litellm is not running; no requests are held", models=0)

    def apply(acting: StepContext) -> Facts:
        listed = poll(lambda: count_models(acting), acting.clock, every=0.05, timeout=MODELS_SECONDS) or 0
        acting.supervisor.release_requests(SERVICE)
        return {"models": listed, "message": f"released the held requests; CLIProxyAPIPlus lists {listed} models"}

    return change("release the held requests", apply, changes=False)


def count_models(context: StepContext) -> int:
    """Return the number of models that CLIProxyAPIPlus lists; 0 while it does not respond."""
    generation = context.supervisor.generation(cliproxy.NAME)
    key = context.key(cliproxy.UPSTREAM_KEY)
    if generation is None:
        return 0
    url = f"http://{generation['host']}:{generation['port']}/v1/models"
    try:
        response = context.http.get(url, headers={"Authorization": key.bearer()} if key else {})
    except Unreachable:
        return 0
    return response.text.count('"object":"model"') if response.ok else 0
