"""Ask a CLIProxyAPIPlus that runs elsewhere for its models."""

from flowgate.errors import CheckFailed
from flowgate.gateway import remote_probe
from flowgate.gateway.remote_upstream import required
from flowgate.step import StepContext


def ask_remote(context: StepContext, tested: object) -> str:
    """Check that the remote is ready and accepts the key.

    Args:
        context: Tools and state of this run; the config has a remote.
        tested: What the test is about; not used.

    Returns:
        The result in words.

    Raises:
        CheckFailed: It is not ready.
    """
    remote = required(context.config)
    found = remote_probe.probe(context.config, context.key(remote.key))
    if not found.ready:
        raise CheckFailed(f"{remote.url} is not ready: {found.error}", fix=found.fix)
    return f"{remote.url}: {found.in_words}, {found.models} models"
