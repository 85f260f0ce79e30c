"""What models cannot do, as far as it is known: by the mode that the config gives them, and by where they are served.

Source: LiteLLM 1.106.2 (`model_info.mode`); CLIProxyAPIPlus 6.8 has routes for text only, 7.2 has images, videos and
realtime too, and no line has embeddings, moderations, rerank, speech, transcription or OCR; Anthropic's API has text only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from flowgate.domain import Deployment

TEXT = "text"
NEVER_UPSTREAM = ("embeddings", "moderations", "rerank", "speech", "transcription", "ocr")
NEWER_UPSTREAM = ("images", "videos")  # since 7.2
ALL = (TEXT, *NEVER_UPSTREAM, *NEWER_UPSTREAM)
TEXT_ONLY_PROVIDERS = ("anthropic/",)
MODES = {
    "chat": (TEXT,),
    "completion": (TEXT,),
    "responses": (TEXT,),
    "embedding": ("embeddings",),
    "image_generation": ("images", TEXT),  # some models that make images answer chat requests with them
    "image_edit": ("images", TEXT),
    "audio_speech": ("speech", TEXT),
    "audio_transcription": ("transcription",),
    "moderation": ("moderations",),
    "rerank": ("rerank",),
    "video_generation": ("videos",),
    "ocr": ("ocr",),
    "realtime": (),
}


def lacking(entries: Iterable[tuple[Deployment, bool]], upstream_version: str) -> tuple[str, ...]:
    """Return the capabilities that none of a name's deployments has; what is not known is left out.

    Args:
        entries: The deployments, each with whether CLIProxyAPIPlus serves it.
        upstream_version: The version of CLIProxyAPIPlus; empty if it is unknown.
    """
    found: set[str] | None = None
    for entry, is_upstream in entries:
        one = _lacking(entry, is_upstream, upstream_version)
        found = one if found is None else found & one
    return tuple(one for one in ALL if one in (found or ()))


def _lacking(entry: Deployment, is_upstream: bool, upstream_version: str) -> set[str]:
    info: object = entry.get("model_info")
    mode = info.get("mode") if isinstance(info, dict) else None
    lacks = set(ALL) - set(MODES[mode]) if isinstance(mode, str) and mode in MODES else set()
    if str(entry["litellm_params"].get("model", "")).startswith(TEXT_ONLY_PROVIDERS):
        lacks |= set(ALL) - {TEXT}
    if is_upstream:
        lacks |= set(NEVER_UPSTREAM)
        number = re.match(r"v?(\d+)\.", upstream_version)
        lacks |= set(NEWER_UPSTREAM) if number and int(number[1]) < 7 else set()
    return lacks
