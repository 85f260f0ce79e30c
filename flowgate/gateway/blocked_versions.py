"""LiteLLM releases that must not run."""

from __future__ import annotations

# Source: MAL-2026-2144, BerriAI/litellm issue 24512 (1.82.7, 1.82.8); 1.107.0: the checker package litellm-check
REFUSED = {
    "1.82.7": "carries malicious code",
    "1.82.8": "carries malicious code",
    "1.107.0": "is reported compromised",
}


def reason(version: str) -> str:
    """Say why a release of LiteLLM is refused; an empty text when it is not."""
    return REFUSED.get(version, "")
