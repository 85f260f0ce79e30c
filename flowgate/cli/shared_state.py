"""The Redis server in which gateways and workers share cooldowns, as `status`, `health` and `doctor` report it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from flowgate.cli import console
from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.errors import FlowGateError
from flowgate.gateway import shared_redis
from flowgate.system import redis_probe
from flowgate.system.redis_probe import RedisState

CHECK = "redis"
TIMEOUT_SECONDS = 1.0
SLOW_SECONDS = 0.1
CONSEQUENCE = "cooldowns are kept per worker until it does; requests go on"


class RedisReport(TypedDict):
    """The Redis server of the active profile; docs/json.md describes the keys."""

    address: str
    state: str
    seconds: float
    problem: str


def report(session: Session) -> RedisReport | None:
    """Ask the Redis server of the active profile; None if it has none.

    Args:
        session: The session of this command.
    """
    from flowgate.cli import policies
    from flowgate.cli.checks import runtime

    context = runtime.read_only_context(session, [])
    try:
        settings = policies.policy_of(session, session.profile().value).litellm
    except FlowGateError:  # `doctor` reports what is wrong with the profile
        return None
    address = shared_redis.address(settings, context.key)
    if address is None:
        return None
    found = redis_probe.ask(address, TIMEOUT_SECONDS)
    return {
        "address": str(address),
        "state": found.state,
        "seconds": round(found.seconds, 4),
        "problem": _problem(str(address), found),
    }


def _problem(address: str, found: RedisState) -> str:
    if found.state == redis_probe.SILENT:
        return f"Redis at {address} does not answer ({found.detail}): {CONSEQUENCE}"
    if found.state == redis_probe.REFUSES:
        return f"Redis at {address} cannot be used ({found.detail}): {CONSEQUENCE}"
    if found.state == redis_probe.FULL:
        return f"Redis at {address} is full ({found.detail}): {CONSEQUENCE}"
    if found.seconds > SLOW_SECONDS:
        return f"Redis at {address} is slow ({found.seconds * 1000:.0f} ms): cooldowns spread later"
    return ""


def fix(found: RedisReport) -> str:
    """Return the command that shows what is wrong.

    Args:
        found: The report.
    """
    host, _, port = found["address"].rpartition(":")
    return f"redis-cli -h {host} -p {port} {'info memory' if found['state'] == redis_probe.FULL else 'ping'}"


def print_trouble(found: RedisReport | None) -> None:
    """Print what is wrong with the Redis server.

    Args:
        found: The report; None if there is none.
    """
    if found and found["problem"]:
        console.note(f"warning: {found['problem']}")
        console.note(f"  fix: {fix(found)}")


def check(session: Session) -> Iterator[Finding]:
    """Check that the Redis server of the active profile answers and can store something."""
    found = report(session)
    if found is None:
        yield Finding(CHECK, "pass", "the profile names no Redis server: each worker keeps its own cooldowns")
    elif found["problem"]:
        yield Finding(CHECK, "warn", found["problem"], fix(found))
    else:
        yield Finding(CHECK, "pass", f"Redis at {found['address']} answers ({found['seconds'] * 1000:.0f} ms)")
