"""What a profile's settings mean on the version of LiteLLM in force, where versions differ."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from urllib.parse import urlsplit

from flowgate.domain import Deployment, LiteLLMSettings
from flowgate.errors import FlowGateError, UsageError
from flowgate.gateway import promises
from flowgate.gateway.litellm_behaviour import BEHAVIOURS, KEYLESS, RPM, RUST_ROUTER, holds

ENFORCED, LIMITS = "enforce_model_rate_limits", ("rpm", "tpm", "itpm", "otpm")


def faults(version: str) -> Iterator[FlowGateError]:
    """Refuse a version whose router FlowGate cannot change and read.

    Args:
        version: LiteLLM's version; empty if it is not known.
    """
    if version and holds(RUST_ROUTER, version):
        limit = BEHAVIOURS[RUST_ROUTER].since
        what = f"FlowGate cannot run LiteLLM {version}: from {limit} on its router is written in Rust"
        yield UsageError(what, fix=f"install a version below {limit}: 'litellm[proxy]<{limit}'")


def warnings(settings: LiteLLMSettings, version: str) -> Iterator[str]:
    """Yield what is doubtful on this version, one sentence each.

    Args:
        settings: LiteLLM's settings, compiled.
        version: LiteLLM's version; empty if it is not known.
    """
    entries = settings.get("model_list", ())
    keyless = [entry["model_name"] for entry in entries if _is_keyless(entry)]
    if keyless and holds(KEYLESS, version):
        yield (
            f"{', '.join(dict.fromkeys(keyless))}: a local deployment without api_key may answer with 401 on LiteLLM "
            f"{version} (since {BEHAVIOURS[KEYLESS].since}); write api_key: none"
        )
    limited = [entry["model_name"] for entry in entries if dict(entry["litellm_params"]).get("rpm") is not None]
    if limited and holds(RPM, version):
        yield (
            f"rpm of {', '.join(dict.fromkeys(limited))} is no hard limit on LiteLLM {version} "
            f"(since {BEHAVIOURS[RPM].since}): it only guides which deployment is chosen"
        )
    yield from _enforced(settings)


def _enforced(settings: LiteLLMSettings) -> Iterator[str]:
    """Name models whose limit takes their fallback away.

    Source: measured on 1.108.7: requests over the limit count as failures of the fallback that answers them too.
    """
    router: dict[str, object] = dict(settings.get("router_settings") or {})
    checks, found = router.get("optional_pre_call_checks"), promises.fallbacks(settings)
    if not isinstance(checks, list) or ENFORCED not in checks:
        return
    entries = [one for one in settings.get("model_list", ()) if found.of(one["model_name"])]
    limited = [one["model_name"] for one in entries if any(dict(one["litellm_params"]).get(key) for key in LIMITS)]
    if limited:
        yield (
            f"{', '.join(dict.fromkeys(limited))}: requests over a limit that {ENFORCED} enforces put the fallback "
            "into cooldown too, and then clients get 429; use limits of client keys instead (inv client.add "
            "--requests-per-minute)"
        )


def _is_keyless(entry: Deployment) -> bool:
    params = dict(entry["litellm_params"])
    if params.get("api_key") or params.get("litellm_credential_name"):
        return False
    try:
        host = urlsplit(str(params.get("api_base") or "")).hostname or ""
    except ValueError:
        return False
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return host == "localhost"
