"""Log in to a provider; only a new or changed account counts."""

from flowgate.accounts import login as conversation
from flowgate.accounts.login_driver import LoginDriver, stated_version
from flowgate.accounts.providers import Provider, find
from flowgate.accounts.verification import Account
from flowgate.domain import Secret
from flowgate.errors import InvalidValue, UsageError
from flowgate.gateway import cliproxy
from flowgate.step import Change, Facts, Result, StepContext, change
from flowgate.steps._refresh_upstream_config import recount


def login(
    context: StepContext,
    provider: str,
    timeout: float = 300.0,
    poll_interval: float = 2.0,
    open_: bool = False,
    redirect_url: str = "",
    project: str = "",
) -> Result | Change:
    """Log in to a provider; only a new or changed account counts.

    Args:
        context: Tools and state of this run.
        provider: Codex, copilot, claude, …, or one that the config gives addresses for.
        timeout: Seconds for the person in the browser.
        poll_interval: Seconds between two questions.
        open_: Open the address in a browser.
        redirect_url: The address at which a browser ended, for a login that waits elsewhere.
        project: The Google Cloud project, for gemini.

    Returns:
        provider, name (of the account's file), label, expires, models (how many).

    Raises:
        CheckFailed: A login that is denied, timed out or not to be believed.
        EnvironmentFailure: See the message.
        UsageError: See the message.
    """
    about = find(provider, context.config.providers, context.config.place("auth.providers"))
    for name, value in (("timeout", timeout), ("poll_interval", poll_interval)):
        if value <= 0:
            raise InvalidValue(name, found=value, wanted="seconds, more than 0")
    if project and about.name != "gemini":
        raise UsageError(f"a project means something to gemini only, not to {about.name}", fix="leave --project out")

    def apply(r: StepContext) -> Facts:
        performance = LoginDriver(r, management_key(r, about), opens=open_)
        if redirect_url:
            account = performance.run(conversation.finish(about, redirect_url, started=stated_version(r)))
        else:
            query = {"project_id": project} if project else {}
            talk = conversation.login(
                about, started=stated_version(r), timeout=timeout, every=poll_interval, query=query
            )
            account = performance.run(talk)
        recount(r)
        return _facts(account)

    return change(f"log in to {about.title}", apply, facts={"provider": about.name})


def management_key(context: StepContext, provider: Provider) -> Secret:
    """Give the key that management wants; it is never guessed.

    Raises:
        UsageError: See the message.
    """
    own = context.config.providers.get(provider.name)
    variable = (own.management_key_env if own else None) or cliproxy.MANAGEMENT_KEY
    key = context.key(variable)
    if key is None:
        raise UsageError(f"there is no management key ({variable})", fix="inv service.restart generates it")
    return key


def _facts(account: Account) -> Facts:
    until = f" until {account.expires[:10]}" if account.expires else ""
    message = f"{account.label}{until}, {account.models} models"
    return {
        "provider": account.provider,
        "name": account.name,
        "label": account.label,
        "expires": account.expires,
        "models": account.models,
        "message": message,
    }
