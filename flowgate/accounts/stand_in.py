"""A login needs a real CLIProxyAPIPlus: the embedded upstream, a stand-in, stores no account of a provider."""

from __future__ import annotations

from pathlib import Path

from flowgate.domain import Config
from flowgate.errors import UsageError
from flowgate.gateway import cliproxy, southbound
from flowgate.supervisor.status_document import GenerationStatus

RESTART = f"inv service.restart --service {cliproxy.NAME}"


def require_real_upstream(config: Config, running: GenerationStatus | None, provider: str) -> None:
    """Raise an error if nothing would receive a login, or what would stands in for the program that the config names.

    Args:
        config: The config in use; with the embedded upstream as its own program, a login is a rehearsal.
        running: The generation of CLIProxyAPIPlus that runs; None if none does.
        provider: The provider, as it was typed.

    Raises:
        UsageError: There is no CLIProxyAPIPlus, or what runs is the embedded upstream of another config, or of this one
            before it was edited.
    """
    southbound.require_accounts(config, f"nothing can log in to {provider}")
    started_with = running["labels"].get(cliproxy.EMBEDDED_LABEL, "") if running else ""
    if not started_with or config.remote or cliproxy.is_embedded(config):
        return
    is_known = started_with.startswith("/")  # an earlier FlowGate wrote another word
    is_own = is_known and Path(started_with).resolve() == config.file.resolve()
    who = "this config before it was edited" if is_own else started_with if is_known else "another config"
    what = f"the login would have no use: what runs is FlowGate's embedded upstream, a stand-in, started with {who}"
    fix = f"{RESTART if is_own else 'inv down'}, then inv auth.login {provider}"
    raise UsageError(what, place=config.place(f"services.{cliproxy.NAME}"), fix=fix)
