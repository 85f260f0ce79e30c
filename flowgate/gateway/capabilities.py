"""What models cannot do, as far as it is known: by the mode that the config gives them, and by where they are served.

Source: LiteLLM 1.106.2 (`model_info.mode`); no line of CLIProxyAPIPlus has routes for embeddings, moderations, rerank,
speech, transcription or OCR (7.2 has images and videos, 6.8 has not); Anthropic's API has text only.
"""

from __future__ import annotations

from collections.abc import Iterable

from flowgate.domain import Deployment

TEXT = "text"
NOT_UPSTREAM = ("embeddings", "moderations", "rerank", "speech", "transcription", "ocr")
ALL = (TEXT, *NOT_UPSTREAM, "images", "videos")
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


def lacking(entries: Iterable[tuple[Deployment, bool]]) -> tuple[str, ...]:
    """Return the capabilities that none of a name's deployments has; what is not known is left out.

    Args:
        entries: The deployments, each with whether CLIProxyAPIPlus serves it.
    """
    found: set[str] | None = None
    for entry, is_upstream in entries:
        one = _lacking(entry, is_upstream)
        found = one if found is None else found & one
    return tuple(one for one in ALL if one in (found or ()))


def _lacking(entry: Deployment, is_upstream: bool) -> set[str]:
    info: object = entry.get("model_info")
    mode = info.get("mode") if isinstance(info, dict) else None
    lacks = set(ALL) - set(MODES[mode]) if isinstance(mode, str) and mode in MODES else set()
    if str(entry["litellm_params"].get("model", "")).startswith(TEXT_ONLY_PROVIDERS):
        lacks |= set(ALL) - {TEXT}
    if is_upstream:
        lacks |= set(NOT_UPSTREAM)
    return lacks
