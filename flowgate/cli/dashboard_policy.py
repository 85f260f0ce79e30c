"""What the dashboard says of profiles, found by a process of its own that ends at once.

To compile a policy, LiteLLM's source and its price list are read: 10 MB that the dashboard would keep.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from flowgate.cli import console
from flowgate.cli.entrypoint import complete, guarded
from flowgate.cli.session import Session, open_session
from flowgate.dashboard.data import Preview
from flowgate.errors import EnvironmentFailure, FlowGateError, UsageError
from flowgate.system import command
from flowgate.system.clock import Clock

if TYPE_CHECKING:
    from collections.abc import Mapping

MODULE = "flowgate.cli.dashboard_policy"
TIMEOUT_SECONDS = 60.0
KEPT_SECONDS = 60.0  # accounts that come and go change what a profile promises


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """What is known of a profile.

    Attributes:
        promises: What it promises, one sentence each.
        rehearsed: Whether it was rehearsed, and the result.
        notes: Warnings, and why something is not known.
    """

    promises: list[str] = field(default_factory=list)
    rehearsed: str = ""
    notes: list[str] = field(default_factory=list)


class PolicyReader:
    """Finds what is known of the profile in force, and keeps it for a minute.

    Args:
        clock: The time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key: tuple[object, ...] = ()
        self._until = 0.0
        self._facts = PolicyFacts()

    def forget(self) -> None:
        """Find everything anew the next time."""
        self._key = ()

    def facts(self, session: Session, profile: str) -> PolicyFacts:
        """Return what is known of a profile.

        Args:
            session: The config, as it is now.
            profile: The profile.
        """
        if profile not in session.config.profiles:
            return PolicyFacts(notes=[f"The config has no profile {profile} any more"])
        key = (profile, session.config.profiles[profile], session.config.litellm_base)
        if key != self._key or self._clock.now() >= self._until:
            try:
                self._facts = PolicyFacts(**_ask(session, "facts", profile))  # type: ignore[arg-type]
            except FlowGateError as error:
                self._facts = PolicyFacts(notes=[f"The promises are not known: {error.what}"])
            self._key, self._until = key, self._clock.now() + KEPT_SECONDS
        return self._facts


def preview(session: Session, act: str, profile: str) -> Preview:
    """Return what an act on a profile would do.

    Args:
        session: The config.
        act: switch or rehearse.
        profile: The profile.

    Raises:
        UsageError: The profile cannot be used.
        EnvironmentFailure: It cannot be found out.
    """
    return Preview(**_ask(session, act, profile))  # type: ignore[arg-type]


def _ask(session: Session, what: str, profile: str) -> Mapping[str, object]:
    argv = [sys.executable, "-P", "-m", MODULE, str(session.named.value), what, profile]
    done = command.run(argv, cwd=session.config.root, env=session.environment, timeout=TIMEOUT_SECONDS)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.code}"])[-1]
        raise EnvironmentFailure(f"what {profile} promises cannot be found out: {last}") from None
    if "error" in found:
        raise UsageError(found["error"], fix=found["fix"])
    return dict(found)


def main(config: str, what: str, profile: str) -> int:
    """Print what is known of a profile, or what an act on it would do, as JSON.

    Args:
        config: Path of the config.
        what: facts, switch or rehearse.
        profile: The profile.
    """
    session = open_session(config, quiet=True)
    try:
        found = _facts(session, profile) if what == "facts" else _preview(session, what, profile)
    except FlowGateError as error:
        found = {"error": error.what, "fix": error.fix}
    console.data(json.dumps(found))
    return 0


def _facts(session: Session, profile: str) -> Mapping[str, object]:
    from flowgate.cli import policies, profiles
    from flowgate.gateway import policy_summary

    policy = policies.policy_of(session, profile)
    rehearsed = profiles.rehearsed(session, profile)
    whole = rehearsed[:1].upper() + rehearsed[1:]
    return asdict(PolicyFacts(list(policy_summary.describe(policy)), whole, list(policy.warnings)))


def _preview(session: Session, act: str, profile: str) -> Mapping[str, object]:
    from flowgate.cli import dashboard_acts

    return asdict(dashboard_acts.PROFILE_ACTS[act](session, profile))


if __name__ == "__main__":
    sys.exit(complete(guarded(partial(main, *sys.argv[1:]))))
