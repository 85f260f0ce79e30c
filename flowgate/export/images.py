"""References to container images: only those that name one content for ever."""

from __future__ import annotations

import re

from flowgate.errors import UsageError

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
NAME = re.compile(r"[a-z0-9][a-z0-9.-]*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?")
WHY = {
    "image": "FlowGate publishes no image: build one (docs/how-to/export.md) and name it",
    "southbound-image": "the config has a CLIProxyAPIPlus, and FlowGate vouches for no image of it: name one",
    "proxy-image": "an HAProxy stands before the gateways, which serve loopback only: name its image",
    "redis-image": "the gateways share one Redis: name its image",
}


def check(flag: str, reference: str) -> str:
    """Return an image reference that has a digest.

    Args:
        flag: The flag that it was typed after, without dashes.
        reference: The reference.

    Raises:
        UsageError: It is empty, has no digest, or is no reference.
    """
    example = f"--{flag} REGISTRY/NAME@sha256:…"
    if not reference:
        raise UsageError(f"--{flag} is missing: {WHY[flag]}", fix=example)
    name, at, digest = reference.partition("@")
    if not NAME.fullmatch(name) or (at and not DIGEST.fullmatch(digest)):
        what = f"--{flag} {reference!r} is no reference of an image with a digest (64 hex digits)"
        raise UsageError(what, fix=example)
    if not at:
        what = (
            f"--{flag} {reference!r} has no digest: a tag can name another image tomorrow, so two nodes could run two"
        )
        fix = f"{example}; `docker buildx imagetools inspect {reference}` or `skopeo inspect` shows the digest"
        raise UsageError(what, fix=fix)
    return reference
