"""Let questions go on that were held."""

from flowgate.errors import Unreachable
from flowgate.gateway import cliproxy
from flowgate.step import Facts, Reach, Result, Todo, same, todo
from flowgate.system.clock import poll

SERVICE = "litellm"
MODELS_SECONDS = 3.0  # a program that has just come up lists its models a moment after it answers


def let_go(reach: Reach) -> Result | Todo:
    """Let questions go on that were held, once CLIProxyAPIPlus lists its models again.

    Gives: models (how many it lists)
    """
    if reach.keeper.generation(SERVICE) is None:
        return same("nobody waits: litellm is not running", models=0)

    def do(r: Reach) -> Facts:
        listed = poll(lambda: models(r), r.clock, every=0.05, timeout=MODELS_SECONDS) or 0
        r.keeper.let_go(SERVICE)
        return {"models": listed, "said": f"questions go on; {listed} models are listed"}

    return todo("let questions go on", do, changes=False)


def models(reach: Reach) -> int:
    """Count the models that CLIProxyAPIPlus lists; 0 while it does not answer."""
    generation = reach.keeper.generation(cliproxy.NAME)
    key = reach.key(cliproxy.UPSTREAM_KEY)
    if generation is None:
        return 0
    url = f"http://{generation['host']}:{generation['port']}/v1/models"
    try:
        answer = reach.http.get(url, headers={"Authorization": key.bearer()} if key else {})
    except Unreachable:
        return 0
    return answer.text.count('"object":"model"') if answer.ok else 0
