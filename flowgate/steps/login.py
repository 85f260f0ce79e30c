"""Log in to a provider; only a new or changed account counts."""

from dataclasses import replace

from flowgate.accounts import login as conversation
from flowgate.accounts.login_driver import LoginDriver, management_key, started_version
from flowgate.accounts.providers import find
from flowgate.accounts.stand_in import require_real_upstream
from flowgate.accounts.verification import Account
from flowgate.errors import InvalidValue, UsageError
from flowgate.gateway import cliproxy
from flowgate.step import Change, Facts, Result, StepContext, change
from flowgate.steps._refresh_upstream_config import refresh_upstream_config


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
        provider: codex, copilot, claude, …, or a provider for which the config has login paths.
        timeout: Seconds that the user has in the browser.
        poll_interval: Seconds between two status requests.
        open_: Open the URL in a browser.
        redirect_url: The URL at which a browser ended, for a login that another command started.
        project: The Google Cloud project, for gemini.

    Returns:
        `provider`, `name` (of the account's file), `label`, `expires`, `models` (number).

    Raises:
        CheckFailed: The login was denied or timed out, or the account is not usable.
        EnvironmentFailure: CLIProxyAPIPlus cannot log in to this provider, or responds unexpectedly.
        UsageError: A parameter is invalid, there is no management key, or no CLIProxyAPIPlus but a stand-in.
    """
    require_real_upstream(context.config, context.supervisor.generation(cliproxy.NAME), provider)
    about = find(provider, context.config.providers, context.config.place("auth.providers"))
    for name, value in (("timeout", timeout), ("poll_interval", poll_interval)):
        if value <= 0:
            raise InvalidValue(name, found=value, wanted="seconds, more than 0")
    if project and about.name != "gemini":
        raise UsageError(f"only gemini has a project, not {about.name}", fix="leave out --project")

    def apply(acting: StepContext) -> Facts:
        driver = LoginDriver(acting, management_key(acting, about), open_browser=open_)
        started = started_version(acting)
        with acting.without_lock():
            if redirect_url:
                account = driver.run(conversation.finish(about, redirect_url, started))
            else:
                query = {"project_id": project} if project else {}
                request = conversation.LoginRequest(about, started, timeout, poll_interval, query)
                account = driver.run(conversation.login(replace(request, elsewhere=bool(acting.config.remote))))
        refresh_upstream_config(acting)
        return _facts(account)

    return change(f"log in to {about.title}", apply, facts={"provider": about.name})


def _facts(account: Account) -> Facts:
    until = f" until {account.expires[:10]}" if account.expires else ""
    return {
        "provider": account.provider,
        "name": account.name,
        "label": account.label,
        "expires": account.expires,
        "models": account.models,
        "message": f"logged in as {account.label}{until}; {account.models} models",
    }
