"""Behaviour of LiteLLM that differs between its versions, as data: what FlowGate relies on, and since when.

Source: the wheels of LiteLLM 1.106.2, 1.106.12, 1.108.0, 1.108.1, 1.108.7, 1.109.3 and 1.110.2, compared; measured on
1.106.2 and 1.108.7. Where only LiteLLM's release notes name a version, `seen` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Number = tuple[int, ...]
OBSERVED = ("1.106.2", "1.108.7")  # the versions on which the promises were measured

STREAM_RETRIES, LONE_COOLDOWN = "stream-retries", "lone-cooldown"
MEASURED, READ, NOTES = "measured", "read in the source", "release notes"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One behaviour.

    Attributes:
        name: Its name.
        since: The first version that behaves so.
        what: What LiteLLM does, as a sentence.
        answer: What FlowGate does about it, as a sentence.
        seen: How it is known: measured, read in the source, or by LiteLLM's release notes.
        until: The first version that no longer behaves so; empty if none is known.
        probe: The scenario of a rehearsal that shows it; empty if there is none.
    """

    name: str
    since: str
    what: str
    answer: str
    seen: str
    until: str = ""
    probe: str = ""


_ALL = (
    Behaviour(
        STREAM_RETRIES,
        "1.108.0",
        "a chat stream that fails before its first chunk is retried as often as num_retries says; until then it went "
        "to the fallback at once, and a /v1/messages stream was retried in every version",
        "a stream that stays silent until its time-out counts as a time-out, so the retries after a time-out apply",
        MEASURED,
        probe="quiet",
    ),
    Behaviour(
        LONE_COOLDOWN,
        "1.108.1",
        "a model with one deployment and no fallback goes into cooldown only after failures that allowed_fails_policy "
        "names; until then allowed_fails was enough",
        "allowed_fails is written into allowed_fails_policy too",
        MEASURED,
        probe="both",
    ),
)
BEHAVIOURS = {one.name: one for one in _ALL}


def number(version: str) -> Number:
    """Return the numbers of a version, for comparisons; empty if it has none.

    Args:
        version: The version ("1.108.7"); what follows the numbers ("rc1") does not count.
    """
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def holds(name: str, version: str) -> bool:
    """Return whether a version behaves so; one that is not known is taken for the newest that was observed.

    Args:
        name: The behaviour's name.
        version: LiteLLM's version; empty if it is not known.
    """
    one, own = BEHAVIOURS[name], number(version) or number(OBSERVED[-1])
    return number(one.since) <= own and (not one.until or own < number(one.until))
