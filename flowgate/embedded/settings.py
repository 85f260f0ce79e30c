"""The config, with the real program's keys, and its reload by in-place writes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

LOOK_SECONDS = 0.05
SETTLE_SECONDS = 0.15  # the real program waits this long after a write before it reads


class BadConfig(Exception):
    """A config that cannot be used; the text is what the real program logs."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the config says, as far as it matters here; unknown keys are ignored, as in the real program."""

    host: str
    port: int
    auth_dir: str
    api_keys: tuple[str, ...]
    models: tuple[str, ...]


def load(path: Path) -> Settings:
    """Read a config file.

    Fails with: BadConfig, in the real program's words
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "").lower()
        raise BadConfig(f"failed to load config: failed to read config file: open {path}: {reason}") from None
    return parse(text)


def parse(text: str) -> Settings:
    """Read a config's text.

    Fails with: BadConfig
    """
    try:
        tree = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise BadConfig(f"failed to load config: failed to parse config file: yaml: {where}{problem}") from None
    tree = tree if isinstance(tree, dict) else {}
    embedded = tree.get("embedded")
    models = embedded.get("models") if isinstance(embedded, dict) else ()
    return Settings(
        host=str(tree.get("host") or ""),
        port=_whole(tree, "port"),
        auth_dir=str(tree.get("auth-dir") or ""),
        api_keys=tuple(key.strip() for key in _texts(tree.get("api-keys")) if key.strip()),
        models=tuple(_texts(models)),
    )


def _whole(tree: dict[str, Any], key: str) -> int:
    value = tree.get(key, 0)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    shown = str(value)
    shown = shown if len(shown) <= 10 else f"{shown[:7]}..."
    raise BadConfig(
        "failed to load config: failed to parse config file: yaml: unmarshal errors:\n"
        f"  cannot unmarshal !!str `{shown}` into int"
    )


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, (list, tuple)) else []


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
        self._log("config successfully reloaded, triggering client reload")
