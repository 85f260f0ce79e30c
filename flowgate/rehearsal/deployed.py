"""Prove that an address is that of a gateway deployed to be rehearsed, and never that of one that serves clients."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import CertificateRefused, EnvironmentFailure, Unreachable, UsageError
from flowgate.gateway import litellm
from flowgate.rehearsal.overlay_config import marker
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.stand_ins import KEY, OverlayFacts, StandInControl
from flowgate.step import StepContext
from flowgate.system import certificates
from flowgate.system.http import Http, is_loopback

GATEWAY_KEY = "REHEARSAL_GATEWAY_KEY"  # of the deployed gateway; else LITELLM_MASTER_KEY
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed gateway and its stand-ins.

    Attributes:
        url: Base URL of the gateway, without `/v1`.
        key: Its key.
        control: Client of the stand-ins.
        http: HTTP client that trusts the certificates of both.
    """

    url: str
    key: Secret
    control: StandInControl
    http: Http

    @property
    def headers(self) -> dict[str, str | Secret]:
        """The headers of every request to the gateway."""
        return {"Authorization": self.key.bearer()}


def find(context: StepContext, against: str, stand_ins: str, ca: str = "") -> Deployed:
    """Read the two addresses and the two keys; nothing is sent.

    Args:
        context: Tools of this run.
        against: Address of the gateway.
        stand_ins: Address of the control port of its stand-ins.
        ca: File of the CA of both; empty for the public CAs.

    Raises:
        UsageError: An address is no URL, a key is missing, or the file contains no certificate.
    """
    url = _url("--against", against).removesuffix("/v1")
    control_url = _url("--stand-ins", stand_ins)
    gateway_key = _key(context, GATEWAY_KEY, litellm.MASTER_KEY)
    key = _key(context, KEY)
    for one in (url, control_url):
        if one.startswith("http://") and not is_loopback(one) and context.acting:
            context.emit(f"note: the key for {one} is sent in clear text; a tunnel or `kubectl port-forward` hides it")
    http = context.http
    if ca:
        http = Http(read_only=not context.acting, ca=_ca(context, ca, (url, control_url)))
    return Deployed(url, gateway_key, StandInControl(http, context.clock, control_url, key), http)


def _ca(context: StepContext, typed: str, urls: tuple[str, ...]) -> str:
    """Return the path of the file of a CA, relative to the config; it contains a certificate."""
    path = context.config.root / Path(typed).expanduser()
    if not any(one.startswith("https://") for one in urls):
        raise UsageError("--ca has no effect: both addresses are http", fix="give https addresses, or leave out --ca")
    try:
        text = context.files.read(path)
    except UsageError:  # it is no text, as a certificate in DER
        text = ""
    if text is None:
        raise UsageError(f"the file of --ca does not exist: {path}", fix="correct the path")
    if not certificates.are_in(text):
        fix = "write the CA's certificate there as PEM (-----BEGIN CERTIFICATE-----)"
        raise UsageError(f"--ca: {path} contains no certificate", fix=fix)
    return str(path)


def _not_trusted(error: CertificateRefused) -> EnvironmentFailure:
    """Return the error for a certificate that is refused, with what to do about it."""
    fix = "--ca FILE names its CA, and the host in the address must be one of those in the certificate"
    return EnvironmentFailure(error.what, fix=fix)


def _key(context: StepContext, name: str, other: str = "") -> Secret:
    """Return a key from its variable, or else from another one."""
    key = context.key(name) or (context.key(other) if other else None)
    fix = f"export {name}=…, or write it to {context.variables.file(name)}"
    if key is None:
        raise UsageError(f"the key {name} is not set", fix=fix)
    if not (key.reveal().isascii() and key.reveal().isprintable()):
        raise UsageError(f"the key {name} contains a character that no HTTP header may contain", fix=fix)
    return key


def _url(flag: str, typed: str) -> str:
    """Return a base URL without its last slash."""
    if not typed:
        raise UsageError(f"{flag} is missing: a deployed rehearsal has two addresses", fix=f"{flag} http://HOST:PORT")
    try:
        parts = urlsplit(typed)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or not typed.isprintable() or " " in typed or parts.query or parts.fragment:
        raise UsageError(f"{flag} must be a URL such as http://127.0.0.1:4100", fix=f"{flag} http://HOST:PORT")
    if parts.username is not None or parts.password is not None:
        raise UsageError(f"{flag} must be a URL without a name and a password", fix="keys come from variables")
    return typed.rstrip("/")


def read_facts(deployed: Deployed, plan: Plan) -> OverlayFacts:
    """Return what the stand-ins say of the gateway in front of them.

    Args:
        deployed: The gateway and its stand-ins.
        plan: The plan of the profile.

    Raises:
        UsageError: They belong to a rehearsal of another profile, or the address or the key is wrong.
        EnvironmentFailure: Nothing answers there.
    """
    try:
        facts = deployed.control.describe()
    except CertificateRefused as error:
        raise _not_trusted(error) from None
    except Unreachable as error:
        what = f"the stand-ins do not answer: {error.what}"
        raise EnvironmentFailure(what, fix="start them, or the tunnel to their control port") from None
    if facts.profile != plan.profile:
        what = f"the stand-ins at {deployed.control.url} belong to the profile {facts.profile}, not {plan.profile}"
        raise UsageError(what, fix=f"add --profile {facts.profile}, or apply the rehearsal of {plan.profile}")
    return facts


def verify(deployed: Deployed, plan: Plan, facts: OverlayFacts) -> None:
    """Check that the gateway is one for rehearsals, before anything is asked that could cost money.

    A gateway that serves clients does not list the marker.

    Args:
        deployed: The gateway and its stand-ins.
        plan: The plan of the profile, with the time scale of the stand-ins.
        facts: What the stand-ins say.

    Raises:
        UsageError: It is another gateway, or one whose settings are not those of this config; nothing was asked.
        EnvironmentFailure: It is not ready.
    """
    wanted = marker(plan)
    if facts.marker != wanted:
        what = f"the stand-ins at {deployed.control.url} were exported from other settings than those of {plan.profile}"
        raise UsageError(what, fix="export again with --rehearsal, apply it, and rehearse then")
    if wanted not in _models(deployed):
        what = f"{deployed.url} is no gateway for rehearsals of {plan.profile}: it does not have the model {wanted}"
        fix = "give the address of the exported rehearsal; a gateway that serves clients is never rehearsed"
        raise UsageError(what, fix=fix)


def verify_path(deployed: Deployed, facts: OverlayFacts) -> None:
    """Check that the gateway asks exactly these stand-ins: they say whether a question to the marker arrived.

    Args:
        deployed: The gateway and its stand-ins.
        facts: What the stand-ins say.

    Raises:
        EnvironmentFailure: It asks others, or none.
    """
    nonce = secrets.token_hex(16)
    body = {"model": facts.marker, "max_tokens": 50, "messages": [{"role": "user", "content": nonce}]}
    url = f"{deployed.url}/v1/chat/completions"
    response = deployed.http.post(url, body, headers=deployed.headers, timeout=ANSWER_SECONDS)
    if not response.ok or not deployed.control.received_nonce(nonce):
        found = "" if response.ok else f" (it answered {response.status}: {response.text[:200]})"
        what = f"a request to {deployed.url} does not reach the stand-ins at {deployed.control.url}{found}"
        fix = "check that both belong to the same exported rehearsal, and that the gateway's network reaches them"
        raise EnvironmentFailure(what, fix=fix)


def _models(deployed: Deployed) -> set[str]:
    try:
        response = deployed.http.get(f"{deployed.url}/v1/models", headers=deployed.headers, timeout=ANSWER_SECONDS)
    except CertificateRefused as error:
        raise _not_trusted(error) from None
    except Unreachable as error:
        what = f"the deployed gateway does not answer: {error.what}"
        raise EnvironmentFailure(what, fix="start it, or the tunnel to it") from None
    if response.status in (401, 403):
        what = f"{deployed.url} refuses the key ({response.status})"
        raise UsageError(what, fix=f"{GATEWAY_KEY} must be the key of the deployed gateway")
    if not response.ok:
        what = f"{deployed.url}/v1/models answered {response.status}: {response.text[:200]}"
        raise EnvironmentFailure(what, fix="check that the gateway is ready")
    try:
        return {str(one["id"]) for one in response.json()["data"]}
    except (KeyError, TypeError):
        raise UsageError(f"what answers at {deployed.url} is no gateway", fix="check the address") from None
