"""The result of an audit as plain data: what `inv audit --json` prints."""

from __future__ import annotations

from typing import TypedDict


class AuditedPromise(TypedDict):
    """One promise of one profile; `verdict` is "kept", "broken", "not exercised" or "unknown"."""

    promise: str
    promised: str
    observed: str
    verdict: str
    why: str
    cases: int
    requests: list[str]


class AuditedOutage(TypedDict):
    """A deployment from its first failed attempt to its next good one; times are RFC 3339."""

    model: str
    deployment: str
    host: str
    began: str
    ended: str | None
    seconds: float | None
    cause: str
    obstacle: str
    errors: dict[str, int]
    failed_attempts: int
    profiles: list[str]
    generations: list[int]
    requests: int
    answered: int
    cooldowns: list[str]
    longest_wait: float
    seconds_p50: float | None
    healthy_p50: float | None


class AuditedProfile(TypedDict):
    """The traffic of one profile with the same promises and one version of LiteLLM."""

    profile: str
    litellm: str
    generations: list[int]
    requests: int
    promises: list[AuditedPromise]


class KilledRun(TypedDict):
    """A process that was killed: requests of its last second may be missing."""

    generation: int
    profile: str
    at: str


class ClearedCooldown(TypedDict):
    """A cooldown that a person ended: when, in which service, and which it was."""

    at: str
    service: str
    detail: str


class AuditResult(TypedDict):
    """A whole audit; `broken` counts broken promises, `dropped` requests that could not be recorded."""

    ledger: str
    enabled: bool
    since: str
    until: str
    requests: int
    broken: int
    dropped: int
    killed: list[KilledRun]
    cleared: list[ClearedCooldown]
    in_progress: int
    kept_since: str | None
    profiles: list[AuditedProfile]
    outages: list[AuditedOutage]
    differences: list[str]
