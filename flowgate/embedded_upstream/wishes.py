"""What a request asks for besides an answer: limits, a format, thoughts."""

from __future__ import annotations

from dataclasses import dataclass

from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping, text

OFF = ("none", "disable", "disabled")
MOST_CHOICES = 128
ENCRYPTED = "reasoning.encrypted_content"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a request asks for.

    Attributes:
        limit: The largest number of tokens of the answer; None for no limit.
        stops: Texts before which the answer ends.
        choices: The number of answers.
        schema: The JSON schema of the answer; None for plain text.
        thinks: Whether thoughts are to be shown.
        summary: Whether Responses shows them as a summary.
        encrypted: Whether Responses returns them encrypted as well.
        caches: Whether the tokens of earlier turns count as cached.
    """

    limit: int | None = None
    stops: tuple[str, ...] = ()
    choices: int = 1
    schema: JsonObject | None = None
    thinks: bool = False
    summary: bool = False
    encrypted: bool = False
    caches: bool = True


def read_wishes(body: JsonObject, path: str) -> Wishes:
    """Read what a request asks for.

    Args:
        body: The request in any format.
        path: The endpoint.
    """
    gemini = mapping(body.get("generationConfig") or body.get("generation_config"))
    limits = (body.get("max_completion_tokens"), body.get("max_output_tokens"), body.get("max_tokens"))
    limit = next((one for one in (*limits, gemini.get("maxOutputTokens")) if _is_count(one)), None)
    stops = body.get("stop") or body.get("stop_sequences") or gemini.get("stopSequences")
    choices = body.get("n") or gemini.get("candidateCount")
    included = body.get("include")
    return Wishes(
        limit=limit if isinstance(limit, int) else None,
        stops=tuple(one for one in (stops if isinstance(stops, list) else [stops]) if isinstance(one, str) and one),
        choices=min(choices, MOST_CHOICES) if isinstance(choices, int) and choices > 1 else 1,
        schema=_schema(body, gemini),
        thinks=_thinks(body, gemini),
        summary=bool(mapping(body.get("reasoning")).get("summary")),
        encrypted=isinstance(included, list) and ENCRYPTED in included,
        caches=path != "/v1/messages" or _marks_cache(body),
    )


def _is_count(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _schema(body: JsonObject, gemini: JsonObject) -> JsonObject | None:
    """Return the schema of the answer: of chat, Responses, Messages and Gemini."""
    if gemini.get("responseMimeType") == "application/json":
        return mapping(gemini.get("responseJsonSchema") or gemini.get("responseSchema"))
    written = (
        body.get("response_format"),
        mapping(body.get("text")).get("format"),
        body.get("output_format"),
        mapping(body.get("output_config")).get("format"),
    )
    for wanted in map(mapping, written):
        if wanted.get("type") == "json_schema":
            return mapping(wanted.get("schema") or mapping(wanted.get("json_schema")).get("schema"))
        if wanted.get("type") == "json_object":
            return {}
    return None


def _thinks(body: JsonObject, gemini: JsonObject) -> bool:
    thinking = text(mapping(body.get("thinking")).get("type"))
    efforts = text(body.get("reasoning_effort")), text(mapping(body.get("reasoning")).get("effort"))
    asked = any(one and one not in OFF for one in (thinking, *efforts))
    return asked or bool(mapping(gemini.get("thinkingConfig")).get("includeThoughts"))


def _marks_cache(value: Json) -> bool:
    """Return whether a part of a request is marked with `cache_control`."""
    if isinstance(value, dict):
        return "cache_control" in value or any(map(_marks_cache, value.values()))
    return isinstance(value, list) and any(map(_marks_cache, value))
