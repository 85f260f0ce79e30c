"""The config, with the real program's keys.

The key `embedded` and what is below it exist only in this program.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from flowgate.embedded_upstream import regular_files
from flowgate.embedded_upstream.json_data import Json, JsonObject, mapping, objects, text

LOAD_ERROR = "failed to load config: "
PARSE_ERROR = f"{LOAD_ERROR}failed to parse config file: "
YAML_TAGS = {dict: "!!map", list: "!!seq", bool: "!!bool", int: "!!int", float: "!!float"}
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class ConfigError(Exception):
    """A config that cannot be used; the text is what the real program logs."""


@dataclass(frozen=True, slots=True)
class CompatibleEndpoint:
    """One entry of `openai-compatibility`.

    Attributes:
        name: The entry's name, shown as provider.
        base_url: Address without a trailing slash.
        keys: API keys; each is a credential.
        models: The endpoint's model by the name that clients use.
    """

    name: str
    base_url: str
    keys: tuple[str, ...]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings that this program uses; unknown keys are ignored, as in the real program.

    Attributes:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one.
        auth_dir: Folder of the auth files; empty if not set.
        api_keys: The clients' keys; without any, every client is accepted.
        models: Models that need no credential (`embedded.models`).
        secret_key: The management key or its bcrypt hash.
        allow_remote: Whether other machines may use the management API.
        proxy_url: If set, vendors cannot be reached: logins fail as behind a dead proxy.
        retries: Further attempts after the first; each waits until a credential leaves its cooldown.
        max_retry_wait: Longest such wait in seconds.
        cooldowns_enabled: False if `disable-cooling` is set.
        usage_enabled: Whether requests are counted.
        fill_first: Whether the first free credential is always used, instead of each in turn.
        compatible: The entries of `openai-compatibility`.
        contract: The line to imitate (`embedded.contract`); empty if not set.
        callback_ports: Callback ports by provider or `all` (`embedded.callback-ports`).
        document: The whole config.
    """

    host: str
    port: int
    auth_dir: str
    api_keys: tuple[str, ...]
    models: tuple[str, ...]
    secret_key: str
    allow_remote: bool
    proxy_url: str
    retries: int
    max_retry_wait: float
    cooldowns_enabled: bool
    usage_enabled: bool
    fill_first: bool
    compatible: tuple[CompatibleEndpoint, ...]
    contract: str
    callback_ports: Mapping[str, int]
    document: JsonObject = field(repr=False)


def load(path: Path) -> Settings:
    """Read a config file.

    Raises:
        ConfigError: The file cannot be read or used.
    """
    try:
        content = regular_files.read_text(path)
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise ConfigError(f"{LOAD_ERROR}failed to read config file: open {path}: {reason}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{PARSE_ERROR}yaml: {error.reason}") from None
    return parse(content)


def parse(content: str) -> Settings:
    """Read the text of a config.

    Raises:
        ConfigError: It is not YAML, or a value has the wrong type.
    """
    document = parse_document(content)
    own, remote = mapping(document.get("embedded")), mapping(document.get("remote-management"))
    ports = mapping(own.get("callback-ports"))
    return Settings(
        host=text(document.get("host")),
        port=_integer(document, "port"),
        auth_dir=_expand_home(text(document.get("auth-dir"))),
        api_keys=tuple(key.strip() for key in _strings(document, "api-keys") if key.strip()),
        models=tuple(_strings(own, "models")),
        secret_key=text(remote.get("secret-key")),
        allow_remote=bool(remote.get("allow-remote")),
        proxy_url=text(document.get("proxy-url")),
        retries=_integer(document, "request-retry"),
        max_retry_wait=_integer(document, "max-retry-interval"),
        cooldowns_enabled=not document.get("disable-cooling"),
        usage_enabled=bool(document.get("usage-statistics-enabled")),
        fill_first=text(mapping(document.get("routing")).get("strategy")).lower() in ("fill-first", "ff"),
        compatible=tuple(_compatible(document.get("openai-compatibility"))),
        contract=text(own.get("contract")),
        callback_ports={str(name): _integer(ports, name) for name in ports},
        document=document,
    )


def parse_document(content: str) -> JsonObject:
    """Parse YAML; anything but a mapping counts as an empty one.

    Raises:
        ConfigError: The text is not YAML.
    """
    try:
        document: Json = yaml.load(content, Loader=LOADER)  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ConfigError(f"{PARSE_ERROR}{_yaml_error(error)}") from None
    return mapping(document)


def _yaml_error(error: yaml.YAMLError) -> str:
    """Describe an error as the real program's parser does, whose line numbers begin at 0 outside its scanner."""
    context, mark = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    line = (context.line if context else 0) or (mark.line if mark else 0)
    where = f"line {line + isinstance(error, yaml.scanner.ScannerError)}: " if line else ""
    return f"yaml: {where}{getattr(error, 'problem', None) or 'it cannot be read'}"


def _compatible(value: Json) -> Iterator[CompatibleEndpoint]:
    for entry in objects(value):
        if not entry.get("base-url"):
            continue  # the real program ignores it too, without a message
        keys = [text(one.get("api-key")) for one in objects(entry.get("api-key-entries"))]
        models = [one for one in objects(entry.get("models")) if one.get("name")]
        names = {str(one.get("alias") or one["name"]): str(one["name"]) for one in models}
        yield CompatibleEndpoint(
            text(entry.get("name")), str(entry["base-url"]).rstrip("/"), tuple(keys or [""]), names
        )


def _integer(document: JsonObject, key: str) -> int:
    value = document.get(key) or 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _type_error(value, "int")


def _strings(document: JsonObject, key: str) -> list[str]:
    value = document.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _type_error(value, "[]string")  # read as "no keys", it would open the proxy to every client
    return [str(item) for item in value]


def _type_error(value: Json, wanted: str) -> ConfigError:
    """Describe a value of the wrong type as the real program's parser does; the line is always 1."""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    shown = shown if len(shown) <= 10 else f"{shown[:7]}..."
    found = YAML_TAGS.get(type(value), "!!str") + ("" if isinstance(value, (dict, list)) else f" `{shown}`")
    return ConfigError(f"{PARSE_ERROR}yaml: unmarshal errors:\n  line 1: cannot unmarshal {found} into {wanted}")


def _expand_home(folder: str) -> str:
    return str(Path.home() / folder[1:].lstrip("/")) if folder.startswith("~") else folder
