"""What is said about an image or a document of a request; nothing of it is kept."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlsplit

from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping, text

READ_CHARACTERS = 400_000  # of the base64 text: the size is near the start
JPEG_SIZES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
KINDS = ("image", "image_url", "input_image", "document", "file", "input_file", "input_audio")
GEMINI = ("inlineData", "inline_data", "fileData", "file_data")


def describe(part: JsonObject) -> str:
    """Describe a part of a message, such as "an image, 12x8 PNG"; an empty text if it is no attachment.

    Args:
        part: The part in the format of any endpoint.
    """
    for name in GEMINI:
        if name in part:
            return _described(_source(mapping(part[name])))
    kind = part.get("type")
    if kind not in KINDS:
        return ""
    if kind == "input_audio":
        return "an audio recording"
    nested = part.get("image_url") or part.get("source") or part.get("file") or part
    media, data = _source(mapping(nested) or {"url": nested})
    fallback = "image/" if "image" in str(kind) else "application/"
    return _described((media or fallback, data))


def _source(given: JsonObject) -> tuple[str, str]:
    """Return the media type, and the base64 text or the address."""
    media = next((text(given[name]) for name in ("media_type", "mimeType", "mime_type") if name in given), "")
    names = ("data", "url", "image_url", "file_data", "file_url", "fileUri", "file_uri", "file_id", "filename")
    value = next((text(given[name]) for name in names if given.get(name)), "")
    if value.startswith("data:"):
        head, _, value = value.partition(",")
        media = head.removeprefix("data:").split(";")[0]
    return media, value


def _described(source: tuple[str, str]) -> str:
    media, value = source
    what = "an image" if media.startswith("image/") else "a document"
    if value.startswith(("http://", "https://", "gs://", "file://")):
        return f"{what} at {urlsplit(value).hostname or 'an address'}, which was not fetched"
    data = _decoded(value)
    size = image_size(data) if media.startswith("image/") else ""
    kind = media.partition("/")[2].upper()
    details = " ".join(one for one in (size, kind) if one)
    return f"{what}, {details}" if details else what


def _decoded(value: str) -> bytes:
    usable = value[:READ_CHARACTERS]
    try:
        return base64.b64decode(usable[: len(usable) // 4 * 4], altchars=b"-_" if set(usable) & set("-_") else None)
    except (binascii.Error, ValueError):
        return b""


def image_size(data: bytes) -> str:
    """Return the size of a PNG, GIF, WebP or JPEG image as "12x8"; an empty text if it cannot be read.

    Args:
        data: The beginning of the file.
    """
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        return f"{int.from_bytes(data[16:20])}x{int.from_bytes(data[20:24])}"
    if data.startswith((b"GIF87a", b"GIF89a")) and len(data) >= 10:
        return f"{int.from_bytes(data[6:8], 'little')}x{int.from_bytes(data[8:10], 'little')}"
    if data[8:16] == b"WEBPVP8X" and len(data) >= 30:
        return f"{int.from_bytes(data[24:27], 'little') + 1}x{int.from_bytes(data[27:30], 'little') + 1}"
    return _jpeg_size(data) if data.startswith(b"\xff\xd8") else ""


def _jpeg_size(data: bytes) -> str:
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in JPEG_SIZES:
            return f"{int.from_bytes(data[at + 7 : at + 9])}x{int.from_bytes(data[at + 5 : at + 7])}"
        at += 2 + max(2, int.from_bytes(data[at + 2 : at + 4]))
    return ""


def listed(found: list[str]) -> str:
    """Say which attachments were received; an empty text for none."""
    return f" You sent {' and '.join(found)}." if found else ""


def any_text(value: Json) -> str:
    """Return a value as a text: the texts of a list of parts, else the value itself."""
    if isinstance(value, list):
        return " ".join(any_text(one) for one in value)
    if isinstance(value, dict):
        return text(value["text"]) if "text" in value else describe(value) or str(value)
    return "" if value is None else str(value)
