"""Rewrite CLIProxyAPIPlus' config after the number of accounts changed: it decides which program applies cooldowns."""

from __future__ import annotations

from flowgate.gateway import cliproxy
from flowgate.step import StepContext


def refresh_upstream_config(context: StepContext) -> None:
    """Rewrite CLIProxyAPIPlus' config in place if the accounts changed it; the program rereads it by itself.

    Before the first render nothing is written, and nothing for a program that runs elsewhere. LiteLLM's config changes
    only at the next switch, which is reported.

    Args:
        context: Tools and state of this run.
    """
    if context.config.remote:
        return
    stack = context.stack()
    (document,) = stack.services[cliproxy.NAME].documents
    before = context.files.read(document.path)
    if before is None or before == document.text:
        return
    context.files.write(document.path, document.text, in_place=document.in_place)
    profile = stack.profile.value
    context.emit(f"updated {document.path.name} for the current accounts")
    context.emit(f"to update LiteLLM's config: inv profile.set {profile}; why: inv profile.show --name {profile}")
