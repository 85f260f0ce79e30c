"""In which state a run on several hosts has left each of them."""

from __future__ import annotations

from flowgate.cli.fleet_run import FleetRun
from flowgate.errors import Interrupted

BROKEN = ("failed", "unreachable")
DONE, STOPPED, FAILED, UNKNOWN, UNTOUCHED = "done", "stopped", "failed", "unknown", "untouched"
# What is said after an interruption of one host, and of several.
WORDS = {
    DONE: ("is done", "are done"),
    STOPPED: ("was stopped under way", "were stopped under way"),
    FAILED: ("failed", "failed"),
    UNKNOWN: ("was under way and stops by itself", "were under way and stop by themselves"),
    UNTOUCHED: ("is untouched", "are untouched"),
}
NAMED = 5


def of_host(done: FleetRun, host: str) -> str:
    """Return how a host was left.

    Args:
        done: What has happened.
        host: The host.
    """
    broken = [one for one in done.of(host) if one.state in BROKEN]
    if broken:
        return STOPPED if broken[-1].code == Interrupted.code else FAILED
    if host in done.under_way:
        return UNKNOWN
    return DONE if done.of(host) else UNTOUCHED


def sentence(done: FleetRun) -> str:
    """Return one sentence about a run that was interrupted, or whose Ansible failed.

    Args:
        done: What has happened.
    """
    hosts = {state: [host for host in done.hosts if of_host(done, host) == state] for state in WORDS}
    said = [f"{_names(found)} {WORDS[state][len(found) > 1]}" for state, found in hosts.items() if found]
    return f"{done.failure or 'interrupted'}: {', '.join(said) or 'nothing has run on any host'}"


def _names(hosts: list[str]) -> str:
    if len(hosts) > NAMED:
        return f"{', '.join(hosts[: NAMED - 1])} and {len(hosts) - NAMED + 1} more"
    return ", ".join(hosts[:-2] + [" and ".join(hosts[-2:])])
