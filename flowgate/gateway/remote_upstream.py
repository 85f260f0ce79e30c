"""A CLIProxyAPIPlus that runs elsewhere: its address and key in LiteLLM's settings, and what is not done from here."""

from __future__ import annotations

from urllib.parse import urlsplit

from flowgate.config.remote_upstream import NAME, is_local
from flowgate.config.southbound import HOST, KEY, PORTS, names_address
from flowgate.domain import Config, Deployment, DeploymentParams, LiteLLMSettings, Reference, RemoteUpstream
from flowgate.errors import UsageError

PREFIX = "os.environ/"


def required(config: Config) -> RemoteUpstream:
    """Return the remote of a config that has one."""
    if config.remote is None:
        raise ValueError("the config has no remote CLIProxyAPIPlus")
    return config.remote


def host(remote: RemoteUpstream) -> str:
    """Return the host of the remote."""
    return urlsplit(remote.url).hostname or remote.url


def elsewhere(config: Config, what: str) -> UsageError:
    """Return the error for what can only be done where the remote runs.

    Args:
        config: The config.
        what: What cannot be done from here, as a sentence.
    """
    remote = required(config)
    why = f"{NAME} runs at {remote.url}, and FlowGate here neither starts nor stops it"
    return UsageError(
        f"{what}: {why}", place=config.place(f"services.{NAME}.remote"), fix=f"do it there: ssh {host(remote)}"
    )


def management_closed(config: Config, what: str) -> UsageError:
    """Return the error for what needs the management of the remote, which this gateway has no key for.

    Args:
        config: The config.
        what: What cannot be done, as a sentence.
    """
    remote = required(config)
    why = f"{NAME} runs at {remote.url}, and the config has no management_key for it"
    return UsageError(f"{what}: {why}", place=config.place(f"services.{NAME}"), fix=management_fix(remote))


def management_fix(remote: RemoteUpstream) -> str:
    """Return what opens the management of the remote to this gateway.

    Args:
        remote: The remote.
    """
    there = (
        f"`remote-management: {{allow-remote: true, secret-key: …}}` in the CLIProxyAPIPlus config of {host(remote)}"
    )
    return f"{there} and management_key: {PREFIX}NAME here; or run the command there: ssh {host(remote)}"


def leads_there(remote: RemoteUpstream, params: DeploymentParams) -> bool:
    """Return whether a deployment is served by the remote: it names it, or the usual address of a local one.

    Args:
        remote: The remote.
        params: The deployment.
    """
    base = str(params.get("api_base") or "")
    if _below(remote.url, base) or names_address(base, HOST, PORTS[NAME]):
        return True
    try:
        return params.get("api_key") == KEY and is_local(urlsplit(base).hostname or "")
    except ValueError:  # not a URL: LiteLLM reports it
        return False


def _below(url: str, base: str) -> bool:
    return f"{base}/".startswith(f"{url}/")


def redirected(config: Config, settings: LiteLLMSettings, changes: list[str]) -> LiteLLMSettings:
    """Return LiteLLM's settings with the address and the key of the remote in the deployments that go through it.

    Args:
        config: The config.
        settings: LiteLLM's settings; not changed.
        changes: Receives what is changed.
    """
    remote = config.remote
    if remote is None:
        return settings
    entries = [_redirected(remote, one) for one in settings.get("model_list", ())]
    count = sum(new != old for new, old in zip(entries, settings.get("model_list", ()), strict=True))
    if count:
        models = "1 model goes" if count == 1 else f"{count} models go"
        changes.append(f"{models} to {remote.url} with the key {PREFIX}{remote.key} (services.{NAME}.remote)")
    return {**settings, "model_list": entries}


def _redirected(remote: RemoteUpstream, entry: Deployment) -> Deployment:
    params = entry["litellm_params"]
    if not leads_there(remote, params):
        return entry
    made = params.copy()
    if not _below(remote.url, str(params.get("api_base") or "")):
        made["api_base"] = remote.url + urlsplit(params["api_base"]).path
    if params.get("api_key") in (None, KEY):
        made["api_key"] = PREFIX + remote.key
    found = entry.copy()
    found["litellm_params"] = made
    return found


def needs(config: Config, found: list[Reference], settings: LiteLLMSettings) -> list[Reference]:
    """Replace the key of a local CLIProxyAPIPlus by that of the remote, in the variables that LiteLLM needs.

    Args:
        config: The config.
        found: The variables that the settings name.
        settings: LiteLLM's settings, with the address of the remote.
    """
    remote = config.remote
    if remote is None:
        return found
    path = f"services.{NAME}.key"
    used = {entry["litellm_params"].get("api_key") for entry in settings.get("model_list", ())}
    left = [one for one in found if PREFIX + one.name != KEY or KEY in used]
    return [*left, Reference(remote.key, path, config.place(path))]
