"""LiteLLM releases that must not be used."""

from __future__ import annotations

from flowgate.gateway import litellm_releases

# Source: MAL-2026-2144, BerriAI/litellm issue 24512 (1.82.7, 1.82.8); 1.107.0: the checker package litellm-check
BLOCKED = {
    "1.82.7": "contains malicious code",
    "1.82.8": "contains malicious code",
    "1.107.0": "is reported as compromised",
}


def reason(version: str) -> str:
    """Return why a release of LiteLLM is blocked, however its number is spelled; an empty string if it is not."""
    from packaging.version import Version

    release = litellm_releases.parse(version)
    return next((why for number, why in BLOCKED.items() if release == Version(number)), "")
