"""Bodies of requests: read them up to a limit, decompress them, and hand them on to the app as they came."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

try:
    from orjson import loads as _loads
except ImportError:  # the app may bring it; without it large bodies cost twice the time
    _loads = json.loads  # type: ignore[assignment]

if TYPE_CHECKING:
    from starlette.types import Message, Receive

READ_BYTES = 33_554_432  # a larger body is passed on as it arrives, and not looked at
PARSED_BYTES = 1_000_000  # a larger one is parsed only if its model is not found at its beginning or its end
FORM_BYTES = 65_536  # of a multipart body, of which only the fields before the first file are looked at
WINDOW_BITS = {b"gzip": zlib.MAX_WBITS | 16, b"x-gzip": zlib.MAX_WBITS | 16, b"deflate": zlib.MAX_WBITS}
_STRING = rb'"((?:[^"\\]|\\.)*)"'
_FIRST = re.compile(rb'\s*\{\s*"model"\s*:\s*' + _STRING)
_LAST = re.compile(
    rb',\s*"model"\s*:\s*"([^"\\]*)"(?:\s*,\s*"[^"\\]*"\s*:\s*(?:true|false|null|-?[\d.eE+-]+|"[^"\\]*"))*\s*\}\s*$'
)
_TAIL_BYTES = 2_000
_FIELD = re.compile(rb'name="model"[^\r\n]*\r\n(?:[^\r\n]+\r\n)*\r\n([^\r\n]*)\r\n', re.IGNORECASE)


class BadBody(Exception):
    """A body that cannot be used; `status` and `sentence` say why."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.sentence = status, sentence


class Body(NamedTuple):
    """The beginning of a request's body, or all of it.

    Attributes:
        messages: The ASGI messages that were read.
        content: Their bytes.
        whole: Whether that is the whole body.
    """

    messages: list[Message]
    content: bytes
    whole: bool


async def read(receive: Receive, limit: int = READ_BYTES) -> Body:
    """Read a body until it ends, the client is gone, or the limit is exceeded.

    Args:
        receive: The request's messages.
        limit: Bytes.
    """
    messages: list[Message] = []
    parts: list[bytes] = []
    size = 0
    while size <= limit:
        message = await receive()
        messages.append(message)
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if not message.get("more_body"):
            return Body(messages, b"".join(parts) if len(parts) > 1 else parts[0], True)
    return Body(messages, b"".join(parts), False)


def replayed(body: Body, receive: Receive) -> Receive:
    """Return a `receive` that gives the app what was read, then what follows.

    Args:
        body: What was read.
        receive: The request's messages.
    """
    left = iter(body.messages)

    async def again() -> Message:
        for message in left:
            return message
        return await receive()

    return again


def decompressed(content: bytes, encoding: bytes, limit: int = READ_BYTES) -> bytes:
    """Return the plain text of a compressed body.

    Args:
        content: The whole body.
        encoding: The value of `Content-Encoding`.
        limit: Bytes of the plain text.

    Raises:
        BadBody: The encoding is not known, the body is damaged, or its text is too large.
    """
    name = encoding.strip().lower()
    if name not in WINDOW_BITS:
        known = "send the body plain, or with gzip or deflate"
        raise BadBody(415, f"the Content-Encoding {name.decode('latin-1')!r} is not supported; {known}")
    try:
        text, rest = _inflate(content, WINDOW_BITS[name], limit)
    except zlib.error as error:
        try:
            if name != b"deflate":
                raise
            text, rest = _inflate(content, -zlib.MAX_WBITS, limit)  # some clients send deflate without its header
        except zlib.error:
            raise BadBody(400, f"the body is not {name.decode()} data: {error}") from None
    if rest:
        raise BadBody(413, f"the body has more than {limit:,} bytes when it is decompressed")
    return text


def _inflate(content: bytes, window_bits: int, limit: int) -> tuple[bytes, bool]:
    """Return the text, and whether there is more than the limit."""
    stream = zlib.decompressobj(window_bits)
    text = stream.decompress(content, limit)
    if stream.unconsumed_tail:
        return text, True
    if not stream.eof:
        raise zlib.error("it ends too early")
    return text, False


def tree(content: bytes) -> object:
    """Return a body's JSON as plain data.

    Args:
        content: The whole body.

    Raises:
        BadBody: The body is not JSON, or has a number that JSON does not have: the app accepts it, no provider does.
    """
    try:
        return _loads(content)
    except ValueError:
        pass
    try:  # it accepts what orjson refuses, such as half of a surrogate pair; so does the app
        return json.loads(content, parse_constant=_refuse_number, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise BadBody(400, f"the body is not valid JSON: {error}") from None


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse_number(text[:20])


def _refuse_number(text: str) -> float:
    raise ValueError(f"{text} is no number of JSON")


def quick_model(content: bytes) -> str | None:
    """Return the model that a large JSON body names, if it does so first or among its last fields.

    A field at the end belongs to the whole object when only plain values and one brace follow it.

    Args:
        content: The whole body.
    """
    span = quick_span(content)
    name = content[span[0] : span[1]] if span else b"\\"
    try:
        return None if b"\\" in name else name.decode()
    except UnicodeDecodeError:
        return None


def quick_span(content: bytes) -> tuple[int, int] | None:
    """Return where a JSON body names its model, if it does so first or among its last fields.

    Args:
        content: The body.
    """
    found = _FIRST.match(content) or _LAST.search(content, max(0, len(content) - _TAIL_BYTES))
    return found.span(1) if found else None


def first_model(content: bytes) -> str | None:
    """Return the model that a JSON body names as its first field.

    Args:
        content: The beginning of the body.
    """
    found = _FIRST.match(content, 0, _TAIL_BYTES)
    return found[1].decode("utf-8", "replace") if found and b"\\" not in found[1] else None


def form_model(content: bytes) -> str | None:
    """Return the model that a multipart body names before its first file.

    Args:
        content: The beginning of the body.
    """
    found = _FIELD.search(content)
    return found[1].decode("utf-8", "replace").strip() if found else None


def form_span(content: bytes) -> tuple[int, int] | None:
    """Return where a multipart body names its model, before its first file.

    Args:
        content: The beginning of the body.
    """
    found = _FIELD.search(content)
    return found.span(1) if found else None
