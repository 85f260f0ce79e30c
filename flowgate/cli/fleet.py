"""Several gateways under one profile, as `profile show --gateways` describes and `rehearse --gateways` plays them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowgate.errors import InvalidValue

if TYPE_CHECKING:
    from flowgate.cli.session import Session
    from flowgate.gateway.fleet_promises import Fleet
    from flowgate.gateway.policy import Policy


def count_of(typed: str, highest: int = 0) -> int:
    """Return the number of gateways of `--gateways`.

    Args:
        typed: The word; empty for one gateway.
        highest: The highest number; 0 for that of `profile show`.

    Raises:
        InvalidValue: It is no number, or out of range.
    """
    from flowgate.gateway.fleet_promises import HIGHEST

    if not typed:
        return 1
    most = highest or HIGHEST
    if not (typed.isascii() and typed.isdecimal() and 1 <= int(typed) <= most):
        raise InvalidValue("--gateways", found=typed, wanted=f"a whole number from 1 to {most}")
    return int(typed)


def of_session(session: Session, policy: Policy, count: int) -> Fleet | None:
    """Return what several gateways make of a profile's promises; None for one gateway, and if they are not known.

    Args:
        session: The session of this command.
        policy: The profile, compiled.
        count: How many gateways there are.
    """
    from flowgate.gateway import fleet_promises, shared_deployments, worker_counts

    if count == 1 or policy.unknown:
        return None
    remote = session.config.remote.url if session.config.remote else ""
    own = shared_deployments.own_models(session.config, policy.litellm)
    return fleet_promises.of_gateways(policy, count, worker_counts.workers(session.config), remote, own)
