"""What an account more or less changes: who benches, so CLIProxyAPIPlus' config is written anew."""

from __future__ import annotations

from flowgate.gateway import cliproxy
from flowgate.step import Reach


def recount(reach: Reach) -> None:
    """Write CLIProxyAPIPlus' config anew, in place, when the number of accounts changed it; it rereads it by itself.

    Nothing is written before the first render. LiteLLM's part waits for the next switch, and that is said.
    """
    stack = reach.stack()
    (document,) = stack.services[cliproxy.NAME].documents
    before = reach.files.read(document.path)
    if before is None or before == document.text:
        return
    reach.files.write(document.path, document.text, in_place=document.in_place)
    profile = stack.profile.value
    reach.tell(f"{document.path.name} is written anew for the accounts that there are now")
    reach.tell(f"for LiteLLM's part: inv profile.set {profile}; why: inv profile.show --name {profile}")
