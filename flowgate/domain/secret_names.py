"""Which names stand for secrets, and data without the secrets in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

REFERENCE = "os.environ/"
HIDDEN = "…"
SECRET_NAME = re.compile(
    r"""(?ix)
    api[_-]?keys?$ | (^|[._-])keys?$ | ^(own|client|auth)key$
    | secret | passw(or)?d | passphrase | (^|[._-])pass$ | credential | private[_-]?key | access[_-]?key
    | (^|[._-])(access|auth|bearer|id|refresh|session|api|ad|hf|bot|azure_ad)?[_-]?token$
    | authorization | cookie | bearer | connection[_-]?string | (database|redis|db)[_-]?ur[il]$ | dsn$
    | webhook | signing | licen[cs]e | (^|-)auth$ | auth[_-]?value$
    """
)
NO_SECRET = re.compile(  # names of keys, files and variables, and words of LiteLLM that are numbers or switches
    r"""(?ix)
    (name|alias|env|file|path|folder|files|header|type|count|id|hash|enabled|prefix|ttl|provider|names|version)$
    | ^(allow|disable|enable|use|max|min|num|has|is|cache|default|litellm_key|upperbound|custom_key|hide|redact)_
    | ^public | primary_key | per_token$ | ^(sk_)?cache[_-]?key$ | secret[_-]?files
    """
)
VARIABLE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
LAST_WORDS = ("KEY", "KEYS", "TOKEN", "SECRET", "PASSWORD", "PASS", "PWD", "CREDENTIALS", "URL", "BASE", "ID")
DUMMIES = {"ANY", "ANYTHING", "DUMMY", "EMPTY", "EXAMPLE", "FAKE", "IGNORED", "LOCAL", "MOCK", "NO", "NONE", "NOT"} | {
    *("NULL", "PLACEHOLDER", "SAMPLE", "SK", "TEST", "UNUSED", "XXX", "YOUR"),
}
PAIR = re.compile(
    r"""(?x) (["']?)(?P<name>[\w.-]+)\1 \s*[:=]\s*
    (?P<value>"[^"]*"? | '[^']*'? | \[[^\]]*\]? | [^\s"',}\]\#{\[][^,}\]\#]*)"""
)
KEY = re.compile(r"\bsk-[A-Za-z0-9_-]+")
QUERY = re.compile(r"""(?<=[?&])(?P<name>[\w.-]+)=(?P<value>[^&\s'"#,]+)""")
SIGNATURES = ("sig", "signature", "code")  # names in the query of an address
HEADERS = ("headers", "extra_headers", "default_headers")
PLAIN_HEADERS = frozenset(  # what is not in this list may be a key, whatever its name
    {"accept", "accept-encoding", "accept-language", "content-type", "host", "http-referer", "origin", "referer"}
    | {"user-agent", "x-title", "anthropic-version", "anthropic-beta", "openai-beta", "openai-organization"}
)
USER_INFO = re.compile(r"(?<=://)[^/@\s'\"]+(?=@)")


class HiddenValue:
    """Stands for a secret in an error message."""

    def __repr__(self) -> str:
        """Return what a person reads in its place."""
        return "the value that is written there"


def is_secret_name(name: object) -> bool:
    """Return whether the value of a setting of this name is a secret, such as `api_key` or `redis_password`."""
    return isinstance(name, str) and bool(SECRET_NAME.search(name)) and not NO_SECRET.search(name)


def is_variable_name(text: str) -> bool:
    """Return whether a text looks like the name of a variable for a key, such as `GROQ_API_KEY`, and is no secret."""
    words = text.split("_")
    return bool(VARIABLE.fullmatch(text)) and words[-1] in LAST_WORDS and words[0] not in DUMMIES


def without_secrets(value: object, name: object = "") -> object:
    """Return plain data in which every literal secret is hidden; references such as `os.environ/NAME` stay.

    Args:
        value: Plain data.
        name: The name of the setting that has this value.
    """
    if isinstance(value, Mapping):
        return {key: without_secrets(entry, _name_of(key, name)) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_secrets(entry, name) for entry in value]
    if is_literal_secret(name, value):
        return HIDDEN
    return _in_address(value, lambda secret: HIDDEN) if isinstance(value, str) else value


def is_literal_secret(name: object, value: object) -> bool:
    """Return whether a setting contains a secret itself, and no reference to one.

    Args:
        name: The name of the setting.
        value: Its value.
    """
    if isinstance(value, str):
        is_name = value.startswith(REFERENCE) or is_variable_name(value.strip())
        return bool(value) and not is_name and is_secret_name(name)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and is_secret_name(name)


def literal_secrets(value: object, name: object = "") -> Iterator[str]:
    """Yield every secret that plain data contains, also the user and password in a URL.

    Args:
        value: Plain data.
        name: The name of the setting that has this value.
    """
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from literal_secrets(entry, _name_of(key, name))
    elif isinstance(value, (list, tuple)):
        for entry in value:
            yield from literal_secrets(entry, name)
    elif is_literal_secret(name, value):
        yield from dict.fromkeys((str(value), str(value).rpartition(" ")[2]))  # `Bearer KEY`
    elif isinstance(value, str):
        for found in USER_INFO.findall(value):
            yield from (found, found.rpartition(":")[2])
        yield from (one["value"] for one in QUERY.finditer(value) if _is_secret_query(one["name"]))


def secret_paths(value: object, path: str, name: object = "") -> Iterator[tuple[str, object]]:
    """Yield the dotted path and the value of every literal secret in plain data, and of addresses that contain one.

    Args:
        value: Plain data.
        path: Where it stands.
        name: The name of the setting that has this value.
    """
    if isinstance(value, Mapping):
        for key, entry in value.items():
            yield from secret_paths(entry, f"{path}.{key}", _name_of(key, name))
    elif isinstance(value, (list, tuple)):
        for index, entry in enumerate(value):
            yield from secret_paths(entry, f"{path}.{index}", name)
    elif any(True for _ in literal_secrets(value, name)):
        yield path, value


def _name_of(key: object, parent: object) -> object:
    """Return the name by which a value is judged: its own, or that of the mapping around it."""
    if is_secret_name(key):
        return key
    if parent in HEADERS and str(key).lower() not in PLAIN_HEADERS:
        return "authorization"
    return parent if is_secret_name(parent) else key


def _is_secret_query(name: str) -> bool:
    return is_secret_name(name) or name.lower() in SIGNATURES


def _in_address(text: str, replace: Callable[[str], str]) -> str:
    """Replace the user, the password and the secret parts of the query of every address in a text."""

    def value(found: re.Match[str]) -> str:
        secret = _is_secret_query(found["name"]) and not found["value"].startswith(HIDDEN)
        return f"{found['name']}={replace(found['value'])}" if secret else found[0]

    return USER_INFO.sub(lambda found: replace(found[0]), QUERY.sub(value, text))


def hide_obvious(text: str) -> str:
    """Return a text without what has the form of a secret: keys, and users, passwords and keys in addresses.

    Args:
        text: The text, of a command that has not read its config yet.
    """
    return _in_address(KEY.sub(f"sk-{HIDDEN}", text), lambda secret: HIDDEN)


def mask_line(line: str, replace: Callable[[str], str]) -> str:
    """Return a line of YAML, JSON or a log without the secrets that their names, or their form, give away.

    Args:
        line: The line.
        replace: Returns what is shown in place of a secret.
    """

    def value(found: re.Match[str]) -> str:
        text = found["value"]
        if not is_secret_name(found["name"]) or text.lstrip("\"'[ ").startswith(REFERENCE):
            return found[0]
        left = text[:1] if text[:1] in "\"'[" else ""
        right = text[-1] if left and len(text) > 1 and text[-1] in "\"']" else ""
        blank = text[len(text.rstrip()) :] if not right else ""
        inner = text[len(left) : len(text) - len(right) - len(blank)]
        return found[0][: -len(text)] + left + replace(inner) + right + blank

    line = PAIR.sub(value, line)
    line = KEY.sub(lambda found: "sk-" + replace(found[0][3:]), line)
    return _in_address(line, replace)


def hide_in_line(line: str) -> str:
    """Return a line in which each character of a secret is a star, so that columns stay where they are."""
    return mask_line(line, lambda secret: "*" * len(secret))
