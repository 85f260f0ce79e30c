"""The config, with the real program's keys, and its reload by in-place writes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

LOOK_SECONDS = 0.05
LOADING = "failed to load config: "
TAGS = {dict: "!!map", list: "!!seq", bool: "!!bool", int: "!!int", float: "!!float"}
SETTLE_SECONDS = 0.15  # the real program waits this long after a write before it reads


class BadConfig(Exception):
    """A config that cannot be used; the text is what the real program logs."""


Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Compatible:
    """One entry of `openai-compatibility`: models maps what is asked for to what is asked there."""

    name: str
    base_url: str
    keys: tuple[str, ...]
    models: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the config says, as far as it matters here; unknown keys are ignored, as in the real program.

    Attributes:
        retries: Further tries after the first, each after the wait for a benched credential.
        max_wait: seconds.
        cooling: False where `disable-cooling` is set.
        proxy_url: Set, the vendors lie behind it and cannot be reached: logins fail as behind a dead proxy.
        contract: This program's own, under `embedded`.
        lies: This program's own, under `embedded`.
        callback_ports: This program's own, under `embedded`.
        tree: The whole config, as written.
    """

    host: str
    port: int
    auth_dir: str
    api_keys: tuple[str, ...]
    models: tuple[str, ...]
    secret_key: str = ""
    allow_remote: bool = False
    proxy_url: str = ""
    retries: int = 0
    max_wait: float = 0.0
    cooling: bool = True
    counts_usage: bool = False
    fill_first: bool = False
    compatible: tuple[Compatible, ...] = ()
    contract: str = ""
    lies: tuple[str, ...] = ()
    callback_ports: Mapping[str, int] = field(default_factory=dict)
    tree: Tree = field(default_factory=dict)


def load(path: Path) -> Settings:
    """Read a config file.

    Raises:
        BadConfig: , in the real program's words.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise BadConfig(f"{LOADING}failed to read config file: open {path}: {reason}") from None
    except UnicodeDecodeError as error:
        raise BadConfig(f"{LOADING}failed to parse config file: yaml: {error.reason}") from None
    return parse(text)


def parse(text: str) -> Settings:
    """Read a config's text.

    Raises:
        BadConfig: See the message.
    """
    tree = read_tree(text)
    own = _mapping(tree, "embedded")
    remote, ports = _mapping(tree, "remote-management"), _mapping(own, "callback-ports")
    return Settings(
        host=str(tree.get("host") or ""),
        port=_whole(tree, "port"),
        auth_dir=_at_home(str(tree.get("auth-dir") or "")),
        api_keys=tuple(key.strip() for key in _texts(tree, "api-keys") if key.strip()),
        models=tuple(_texts(own, "models")),
        secret_key=str(remote.get("secret-key") or ""),
        allow_remote=bool(remote.get("allow-remote")),
        proxy_url=str(tree.get("proxy-url") or ""),
        retries=_whole(tree, "request-retry"),
        max_wait=_whole(tree, "max-retry-interval"),
        cooling=not tree.get("disable-cooling"),
        counts_usage=bool(tree.get("usage-statistics-enabled")),
        fill_first=str(_mapping(tree, "routing").get("strategy", "")).lower() in ("fill-first", "ff"),
        compatible=tuple(_compatible(tree.get("openai-compatibility"))),
        contract=str(own.get("contract") or ""),
        lies=tuple(_texts(own, "lies")),
        callback_ports={str(name): _whole(ports, name) for name in ports},
        tree=tree,
    )


def read_tree(text: str) -> Tree:
    """Read YAML.

    Raises:
        BadConfig: , in the words of the real program's parser.
    """
    try:
        tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise BadConfig(f"{LOADING}failed to parse config file: {problem(error)}") from None
    return tree if isinstance(tree, dict) else {}


def problem(error: yaml.YAMLError) -> str:
    """Say what is wrong in the words of the real program's parser, whose lines begin at 0 outside its scanner."""
    context, mark = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    line = (context.line if context else 0) or (mark.line if mark else 0)
    where = f"line {line + isinstance(error, yaml.scanner.ScannerError)}: " if line else ""
    return f"yaml: {where}{getattr(error, 'problem', None) or 'it cannot be read'}"


def _mapping(tree: Tree, key: str) -> Tree:
    value = tree.get(key)
    return value if isinstance(value, dict) else {}


def _compatible(value: object) -> Iterator[Compatible]:
    for entry in value if isinstance(value, list) else ():
        if not isinstance(entry, dict) or not entry.get("base-url"):
            continue  # dropped in silence by the real program too
        keys = [one.get("api-key", "") for one in entry.get("api-key-entries") or () if isinstance(one, dict)]
        models = [one for one in entry.get("models") or () if isinstance(one, dict) and one.get("name")]
        names = {str(one.get("alias") or one["name"]): str(one["name"]) for one in models}
        yield Compatible(str(entry.get("name") or ""), str(entry["base-url"]).rstrip("/"), tuple(keys or [""]), names)


def _whole(tree: dict[str, Any], key: str) -> int:
    value = tree.get(key) or 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _mistyped(value, "int")


def _texts(tree: Tree, key: str) -> list[str]:
    value = tree.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise _mistyped(value, "[]string")  # taken for no keys, it would open the proxy to everybody
    return [str(one) for one in value]


def _mistyped(value: object, wanted: str) -> BadConfig:
    """Refuse a value of the wrong type in the words of the real program's parser; the line is always called 1."""
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    shown = shown if len(shown) <= 10 else f"{shown[:7]}..."
    found = TAGS.get(type(value), "!!str") + ("" if isinstance(value, (dict, list)) else f" `{shown}`")
    problems = f"  line 1: cannot unmarshal {found} into {wanted}"
    return BadConfig(f"{LOADING}failed to parse config file: yaml: unmarshal errors:\n{problems}")


def _at_home(folder: str) -> str:
    """Read a leading `~` as the home folder, as the real program does."""
    return str(Path.home() / folder[1:].lstrip("/")) if folder.startswith("~") else folder


class Watcher:
    """Rereads the config when its file is written in place; one renamed over it is never seen, as in the real one."""

    def __init__(self, path: Path, use: Callable[[Settings], None], log: Callable[[str], None]) -> None:
        self._file = path.open("rb")  # held open: the inode is what is watched
        self._use, self._log = use, log
        self._seen = self._state()
        self._digest = self._read()[0]

    def _state(self) -> tuple[int, int]:
        about = os.fstat(self._file.fileno())
        return about.st_mtime_ns, about.st_size

    def _read(self) -> tuple[str, str]:
        self._file.seek(0)
        data = self._file.read()
        return hashlib.sha256(data).hexdigest(), data.decode(errors="replace")

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._state() == self._seen:
                continue
            await asyncio.sleep(SETTLE_SECONDS)
            self._seen = self._state()
            self.reread()

    def reread(self) -> None:
        """Use the config as it is now, unless it says the same, nothing, or nonsense."""
        digest, text = self._read()
        if digest == self._digest or not text.strip():
            return
        self._digest = digest
        try:
            self._use(parse(text))
        except BadConfig as fault:
            self._log(f"failed to reload config: {fault}")
            return
        except OSError as error:
            self._log(f"config reloaded, but not rewritten: {error.strerror}")
            return
        self._log("config successfully reloaded, triggering client reload")
