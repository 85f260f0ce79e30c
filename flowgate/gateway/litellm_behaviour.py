"""Behaviour of LiteLLM that differs between its versions, as data: what FlowGate relies on, and since when.

Source: the wheels of LiteLLM 1.106.2, 1.106.12, 1.108.0, 1.108.1, 1.108.7, 1.109.3 and 1.110.2, compared; measured on
1.106.2 and 1.108.7. Where only LiteLLM's release notes name a version, `seen` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Number = tuple[int, ...]
OBSERVED = ("1.106.2", "1.108.7")  # the versions on which the promises were measured

STREAM_RETRIES, LONE_COOLDOWN, TEXT_FALLBACKS = "stream-retries", "lone-cooldown", "text-fallbacks"
KEYLESS, RPM, CONTINUATION = "keyless-deployments", "rpm-is-no-limit", "stream-continuation"
SHARED_COUNTS = "shared-counts"
RESPONSES_FIELDS, RESPONSES_END, RUST_ROUTER = "responses-fields", "responses-end", "rust-router"
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
        "to the fallback at once",
        "a stream that stays silent until its time-out counts as a time-out, so the retries after a time-out apply; "
        "the same for /v1/messages of a provider that has it; with others LiteLLM reports a 5xx",
        MEASURED,
        probe="mute",
    ),
    Behaviour(
        LONE_COOLDOWN,
        "1.108.1",
        "a model with one deployment and no fallback goes into cooldown only after failures that allowed_fails_policy "
        "names; until then allowed_fails was enough",
        "allowed_fails is written into allowed_fails_policy too; it has no name for a 501 or a 529",
        MEASURED,
        probe="both",
    ),
    Behaviour(
        TEXT_FALLBACKS,
        "1.108.1",
        "a fallback that is a text in place of a list stops the start",
        "refused with its line, for every version",
        READ,
    ),
    Behaviour(
        RESPONSES_FIELDS,
        "1.108.7",
        "fields that only /v1/responses has are refused for a provider that is reached through chat, unless "
        "drop_params is set",
        "nothing: set litellm_settings.drop_params if clients send such fields",
        NOTES,
    ),
    Behaviour(
        SHARED_COUNTS,
        "1.108.7",
        "with a Redis server in router_settings, several workers share the failures that allowed_fails counts, and "
        "know of each other's cooldowns within a second",
        "the promise for several workers says so",
        READ,
    ),
    Behaviour(
        KEYLESS,
        "1.108.15",
        "a local deployment without api_key may answer with 401",
        "a warning that names the deployments",
        NOTES,
    ),
    Behaviour(
        RPM,
        "1.109.0",
        "rpm of a deployment guides the choice of a deployment and is no hard limit",
        "a warning that names the deployments",
        NOTES,
    ),
    Behaviour(
        "offline-mode",
        "1.109.0",
        "LITELLM_OFFLINE_MODE=true keeps LiteLLM from downloading catalogues and tokenizers by itself",
        "the variable is set; older versions ignore it",
        READ,
    ),
    Behaviour(
        "no-disk-cache",
        "1.109.0",
        "there is no cache of the type disk",
        "refused with its line, because the types are read from the LiteLLM that is installed",
        READ,
    ),
    Behaviour(
        CONTINUATION,
        "1.109.0",
        "with router_settings.enable_mid_stream_fallback_continuation a chat stream of plain text that breaks off is "
        "continued by a fallback that supports assistant prefill; one with tool calls is not",
        "the promise says so if the setting is on",
        READ,
    ),
    Behaviour(
        RUST_ROUTER,
        "1.110.0",
        "the router is written in Rust and stops the start if it does not know a setting",
        "refused: FlowGate's changes inside the router are for the one in Python",
        READ,
    ),
    Behaviour(
        RESPONSES_END,
        "1.110.0",
        "a stream of /v1/responses ends without [DONE]",
        "nothing: FlowGate expects [DONE] of chat streams only",
        READ,
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


def observed(version: str) -> str:
    """Say for which versions the promises were measured, and whether this one is among them.

    Args:
        version: The version in force; empty if it is not known.
    """
    known = f"measured on LiteLLM {' and '.join(OBSERVED)}"
    if version in OBSERVED:
        return f"{known}; {version} is in force"
    own = f"{version} is in force and was" if version else "which version is in force is not known; it may have been"
    return f"{known}; {own} never measured: rehearse the profile to see what it keeps"
