"""Prove that an address is that of a gateway deployed to be rehearsed, and never that of one that serves clients."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

from flowgate.domain import Secret
from flowgate.errors import EnvironmentFailure, UsageError
from flowgate.gateway import litellm
from flowgate.rehearsal.overlay_config import marker
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.stand_ins import KEY, OverlayFacts, StandInControl
from flowgate.step import StepContext
from flowgate.system.http import is_loopback

GATEWAY_KEY = "REHEARSAL_GATEWAY_KEY"  # of the deployed gateway; else LITELLM_MASTER_KEY
SHORTEST_KEY = 16
ANSWER_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Deployed:
    """A deployed gateway and its stand-ins.

    Attributes:
        url: Base URL of the gateway, without `/v1`.
        key: Its key.
        control: Client of the stand-ins.
    """

    url: str
    key: Secret
    control: StandInControl

    @property
    def headers(self) -> dict[str, str | Secret]:
        """The headers of every request to the gateway."""
        return {"Authorization": self.key.bearer()}


def find(context: StepContext, against: str, stand_ins: str) -> Deployed:
    """Read the two addresses and the two keys; nothing is sent.

    Args:
        context: Tools of this run.
        against: Address of the gateway.
        stand_ins: Address of the control port of its stand-ins.

    Raises:
        UsageError: An address is no URL, or a key is missing.
    """
    url = _url("--against", against).removesuffix("/v1")
    control_url = _url("--stand-ins", stand_ins)
    gateway_key = context.key(GATEWAY_KEY) or context.key(litellm.MASTER_KEY)
    if gateway_key is None:
        what = f"the key of the deployed gateway is not known: {GATEWAY_KEY} is not set"
        raise UsageError(what, fix=_fix(context, GATEWAY_KEY))
    key = context.key(KEY)
    if key is None or len(key.reveal()) < SHORTEST_KEY:
        what = f"the key of the stand-ins, {KEY}, " + ("is not set" if key is None else "is too short")
        raise UsageError(what, fix=_fix(context, KEY))
    for one in (url, control_url):
        if one.startswith("http://") and not is_loopback(one) and context.acting:
            context.emit(f"note: the key for {one} is sent in clear text; a tunnel or `kubectl port-forward` hides it")
    return Deployed(url, gateway_key, StandInControl(context.http, context.clock, control_url, key))


def _fix(context: StepContext, name: str) -> str:
    return f"export {name}=…, or write it to {context.variables.file(name)}"


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
        Unreachable: Nothing answers there.
    """
    facts = deployed.control.describe()
    if facts.profile != plan.profile:
        what = f"the stand-ins at {deployed.control.url} belong to the profile {facts.profile}, not {plan.profile}"
        raise UsageError(what, fix=f"add --profile {facts.profile}, or apply the rehearsal of {plan.profile}")
    return facts


def verify(context: StepContext, deployed: Deployed, plan: Plan, facts: OverlayFacts) -> None:
    """Check that the gateway is the rehearsal's, before anything is asked that could cost money.

    A gateway that serves clients does not list the marker. Only then is the marker asked for, and the stand-ins say
    whether exactly this question arrived.

    Args:
        context: Tools of this run.
        deployed: The gateway and its stand-ins.
        plan: The plan of the profile, with the time scale of the stand-ins.
        facts: What the stand-ins say.

    Raises:
        UsageError: It is another gateway, or one whose settings are not those of this config; nothing was asked.
        EnvironmentFailure: It does not reach these stand-ins.
    """
    wanted = marker(plan)
    if facts.marker != wanted:
        what = f"the stand-ins at {deployed.control.url} were exported from other settings than those of {plan.profile}"
        raise UsageError(what, fix="export again with --rehearsal, apply it, and rehearse then")
    if wanted not in _models(context, deployed):
        what = f"{deployed.url} is no gateway for rehearsals of {plan.profile}: it does not have the model {wanted}"
        fix = "give the address of the exported rehearsal; a gateway that serves clients is never rehearsed"
        raise UsageError(what, fix=fix)
    nonce = secrets.token_hex(16)
    body = {"model": wanted, "max_tokens": 50, "messages": [{"role": "user", "content": nonce}]}
    url = f"{deployed.url}/v1/chat/completions"
    response = context.http.post(url, body, headers=deployed.headers, timeout=ANSWER_SECONDS)
    if not response.ok or not deployed.control.received_nonce(nonce):
        found = "" if response.ok else f" (it answered {response.status}: {response.text[:200]})"
        what = f"a request to {deployed.url} does not reach the stand-ins at {deployed.control.url}{found}"
        fix = "check that both belong to the same exported rehearsal, and that the gateway's network reaches them"
        raise EnvironmentFailure(what, fix=fix)


def _models(context: StepContext, deployed: Deployed) -> set[str]:
    response = context.http.get(f"{deployed.url}/v1/models", headers=deployed.headers, timeout=ANSWER_SECONDS)
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
