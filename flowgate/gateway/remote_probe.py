"""Whether a CLIProxyAPIPlus that runs elsewhere answers, and accepts the key; asking for its models costs nothing."""

from __future__ import annotations

from dataclasses import dataclass

from flowgate.config.remote_upstream import NAME
from flowgate.domain import Config, Secret
from flowgate.errors import FlowGateError, ResponseTimeout
from flowgate.gateway import private_ca
from flowgate.gateway.remote_upstream import host, required
from flowgate.system import files
from flowgate.system.http import Http, Trusted

MODELS = "/v1/models"
REFUSALS = (401, 403)
PROBE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Probe:
    """One readiness request.

    Attributes:
        ready: Whether it accepted the key and listed models; None if it did not answer in time.
        status: The HTTP status; None if there was no response.
        error: Why it is not ready, as a sentence; empty if it is.
        fix: What to do.
        seconds: Until the response.
        url: What was asked.
        models: How many models it lists.
    """

    ready: bool | None
    status: int | None
    error: str
    fix: str
    seconds: float
    url: str
    models: int = 0

    @property
    def in_words(self) -> str:
        """The result as a phrase."""
        if self.ready:
            return f"remote, ready in {self.seconds * 1000:.0f} ms"
        return f"remote, {'not ready' if self.ready is False else 'unknown'}"


def client(config: Config, *, read_only: bool = False) -> Http:
    """Return an HTTP client that may ask the remote, and trusts its CA.

    Args:
        config: The config.
        read_only: Refuse everything but reading.
    """
    remote = config.remote
    trusted = Trusted(remote.url, str(remote.ca or "")) if remote else None
    return Http(read_only=read_only, trusted=trusted)


def probe(config: Config, key: Secret | None, *, timeout: float = PROBE_SECONDS) -> Probe:
    """Ask the remote for its models, which costs nothing.

    Args:
        config: The config; it has a remote.
        key: The key that it accepts; None if the variable is not set.
        timeout: Seconds without a response after which its state is unknown.
    """
    remote = required(config)
    url = remote.url + MODELS
    if key is None:
        what = f"its key is not known: the variable {remote.key} is not set"
        return Probe(False, None, what, fix(config, what, None), 0.0, url)
    try:
        if remote.ca:
            private_ca.read(config, files.read_text_or_none)
        found = client(config, read_only=True).get(url, headers={"Authorization": key.bearer()}, timeout=timeout)
    except ResponseTimeout as error:
        return Probe(None, None, error.what, "inv health", timeout, url)
    except FlowGateError as error:
        return Probe(False, None, error.what, error.fix or fix(config, error.what, None), 0.0, url)
    if found.ok:
        return Probe(True, found.status, "", "", found.seconds, url, found.text.count('"object":"model"'))
    what = f"{remote.url} answers {found.status}"
    if found.status in REFUSALS:
        what = f"{remote.url} refuses the key of {remote.key} ({found.status})"
    return Probe(False, found.status, what, fix(config, what, found.status), found.seconds, url)


def fix(config: Config, error: str, status: int | None) -> str:
    """Return what to do about a remote that is not ready.

    Args:
        config: The config; it has a remote.
        error: The error, as a sentence.
        status: The HTTP status; None if there was no response.
    """
    remote = required(config)
    if status in REFUSALS:
        return f"set {remote.key} to one of its api-keys"
    if status is not None:
        return f"look at its log: ssh {host(remote)}"
    if "is not set" in error:
        return f"export {remote.key}=…, or write it to a file of .router/secrets"
    if "certificate" in error:
        ca = "ca names another CA" if remote.ca else f"for a private CA write ca: FILE below services.{NAME}"
        return f"{ca}, or the host name in remote is not one of those in the certificate"
    return f"start it there: ssh {host(remote)}"
