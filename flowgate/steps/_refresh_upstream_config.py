"""What an account more or less changes: who benches, so CLIProxyAPIPlus' config is written anew."""

from __future__ import annotations

from flowgate.gateway import cliproxy
from flowgate.step import StepContext


def recount(context: StepContext) -> None:
    """Write CLIProxyAPIPlus' config anew, in place, when the number of accounts changed it; it rereads it by itself.

    Nothing is written before the first render. LiteLLM's part waits for the next switch, and that is said.
    """
    stack = context.stack()
    (document,) = stack.services[cliproxy.NAME].documents
    before = context.files.read(document.path)
    if before is None or before == document.text:
        return
    context.files.write(document.path, document.text, in_place=document.in_place)
    profile = stack.profile.value
    context.emit(f"{document.path.name} is written anew for the accounts that there are now")
    context.emit(f"for LiteLLM's part: inv profile.set {profile}; why: inv profile.show --name {profile}")
