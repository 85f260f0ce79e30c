"""The package index of pip's users, for uv: uv reads neither pip's variables nor its files.

Whoever has a private index would otherwise get packages from a public one.

Source: pip 25, "Configuration"; uv 0.13.9, "Environment variables", "Configuration files"
"""

from __future__ import annotations

import configparser
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from flowgate.errors import FlowGateError
from flowgate.system import files

# pip's option → uv's variables; the first one is set, unless one of them is set already.
OPTIONS = {
    "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"),
    "extra-index-url": ("UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"),
    "cert": ("SSL_CERT_FILE",),
}
SECTIONS = ("install", "global")  # the first one wins
UV_INDEX = re.compile(r"^\s*(?:\[\[(?:tool\.uv\.)?index\]\]|(?:extra-)?index-url\s*=)", re.MULTILINE)


def from_pip(own: Mapping[str, str]) -> dict[str, str]:
    """Return pip's index settings under the names of uv's variables, where uv has no index settings of its own.

    Args:
        own: The command's environment variables.
    """
    if any(UV_INDEX.search(_text(path)) for path in _uv_files(own)):
        return {}
    found = {option: value for option, value in _options(own) if value}
    return {
        targets[0]: " ".join(found[option].split())
        for option, targets in OPTIONS.items()
        if option in found and not any(own.get(target) for target in targets)
    }


def _options(own: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield pip's options, the weakest first: its files, then its variables."""
    for path in _pip_files(own):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(_text(path))
        except configparser.Error:
            continue
        for section in reversed(SECTIONS):
            yield from ((option, parser.get(section, option, fallback="")) for option in OPTIONS)
    yield from ((option, own.get(f"PIP_{option.replace('-', '_').upper()}", "")) for option in OPTIONS)


def _pip_files(own: Mapping[str, str]) -> list[Path]:
    """Return the places of pip's files, the weakest first."""
    named = own.get("PIP_CONFIG_FILE", "")
    if named == "/dev/null":
        return []
    home = Path(own.get("HOME", "/nowhere"))
    config = Path(own.get("XDG_CONFIG_HOME") or home / ".config")
    mac = home / "Library" / "Application Support" / "pip" / "pip.conf"
    own_file = Path(sys.prefix) / "pip.conf"
    usual = [Path("/etc/pip.conf"), home / ".pip" / "pip.conf", config / "pip" / "pip.conf", mac, own_file]
    return [*usual, *([Path(named)] if named else [])]


def _uv_files(own: Mapping[str, str]) -> list[Path]:
    config = Path(own.get("XDG_CONFIG_HOME") or Path(own.get("HOME", "/nowhere")) / ".config")
    usual = [Path("/etc/uv/uv.toml"), config / "uv" / "uv.toml"]
    return [*usual, *([Path(own["UV_CONFIG_FILE"])] if own.get("UV_CONFIG_FILE") else [])]


def _text(path: Path) -> str:
    try:
        return files.read_text_or_none(path) or ""
    except FlowGateError:
        return ""
