"""Compose: gateways behind an HAProxy on one host."""

from __future__ import annotations

from flowgate.export.plan import Plan


def files(plan: Plan) -> dict[str, str]:
    """Return the files, by their paths in the target folder.

    Args:
        plan: The export.
    """
    return {}
