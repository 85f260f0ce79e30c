"""The rehearsals of an export (`--rehearsal`): the gateway of each profile once more, with stand-ins as vendors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from flowgate.cli.checks import runtime
from flowgate.cli.session import Session
from flowgate.errors import InvalidValue, UsageError
from flowgate.export import rehearsal
from flowgate.export.plan import Plan
from flowgate.export.rehearsal import Rehearsal
from flowgate.gateway import worker_promises
from flowgate.rehearsal.overlay_config import Addresses, marker, overlay_config
from flowgate.rehearsal.plan import make_plan
from flowgate.system import locations

TIME_SCALE = "time-scale"
PROGRAM = "flowgate.embedded_upstream.stand_ins"


def files(session: Session, kind: str, plan: Plan, options: Mapping[str, str]) -> dict[str, str]:
    """Return the files of the rehearsals of all exported profiles; none if they were not asked for.

    Args:
        session: The config.
        kind: "kubernetes", "compose" or "systemd".
        plan: The export.
        options: What was typed, by name.

    Raises:
        UsageError: The time scale is wrong, or a profile cannot be rehearsed.
    """
    typed = options.get(TIME_SCALE, "")
    if not options.get("rehearsal"):
        if typed:
            raise UsageError("--time-scale is the scale of a rehearsal", fix="add --rehearsal")
        return {}
    made: dict[str, str] = {}
    for facts in plan.profiles:
        made |= rehearsal.files(kind, plan, _rehearsal(session, kind, plan, facts.name, typed))
    return made


def notes(kind: str, plan: Plan, options: Mapping[str, str]) -> Iterator[str]:
    """Yield what the gateways of a rehearsal share, where it is not what was asked for.

    Args:
        kind: "kubernetes", "compose" or "systemd".
        plan: The export.
        options: What was typed, by name.
    """
    if options.get("rehearsal") and plan.redis and not plan.images.redis:
        yield "without --redis-image the gateways of a rehearsal share no Redis: each counts failures by itself"
    if kind == "kubernetes" and plan.images.redis and not options.get("rehearsal"):
        yield "--redis-image has no effect without --rehearsal: it is the image of a rehearsal's own Redis"


def _rehearsal(session: Session, kind: str, plan: Plan, profile: str, typed: str) -> Rehearsal:
    config = session.config
    found = make_plan(runtime.read_only_context(session, []), profile, litellm_only=True, as_written=False)
    scaled = replace(found, scale=_scale(typed, found.scale, profile))
    host = rehearsal.host(kind)
    ports = (rehearsal.VENDORS_PORT, rehearsal.REFUSING_PORT)
    addresses = Addresses(*(f"http://{host}:{port}" for port in ports))
    redis = rehearsal.redis(kind, plan, worker_promises.uses_redis(found.settings))
    own = overlay_config(scaled, addresses, redis)
    return Rehearsal(
        profile,
        own,
        marker(scaled),
        scaled.scale,
        stand_ins=(str(locations.python()), "-m", PROGRAM),
        state=str(config.paths.runtime_dir.parent / rehearsal.FOLDER),
        redis=redis,
    )


def _scale(typed: str, shortest: float, profile: str) -> float:
    """Return the time scale: the one that was typed, else the shortest that the profile's times allow."""
    if not typed:
        return shortest
    try:
        scale = float(typed)
    except ValueError:
        scale = 0.0
    if not shortest <= scale <= 1:
        wanted = f"a number from {shortest:g} to 1 (shorter ones would be no time for {profile})"
        raise InvalidValue("--time-scale", found=typed, wanted=wanted)
    return scale
