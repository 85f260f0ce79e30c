"""The settings of the request filter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FilterRules:
    """Settings of one worker's request filter.

    Attributes:
        generation: Number of the generation, sent in the header `x-flowgate-generation`.
        public_port: Port whose new requests can be held; requests to the private listener are never held.
        recorded_headers: Lower-case prefixes of response headers to keep; no requests are kept when empty.
        tracks_attempts: Whether the app reports its attempts; otherwise they are not known.
    """

    generation: str = "0"
    public_port: int = 0
    recorded_headers: tuple[str, ...] = ()
    tracks_attempts: bool = False
