"""LiteLLM releases that must not be used."""

from __future__ import annotations

# Source: MAL-2026-2144, BerriAI/litellm issue 24512 (1.82.7, 1.82.8); 1.107.0: the checker package litellm-check
BLOCKED = {
    "1.82.7": "contains malicious code",
    "1.82.8": "contains malicious code",
    "1.107.0": "is reported as compromised",
}


def reason(version: str) -> str:
    """Return why a release of LiteLLM is blocked; an empty string if it is not."""
    return BLOCKED.get(version, "")
