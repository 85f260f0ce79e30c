"""YAML text, and digests that identify documents and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from posixpath import normpath


def dump(tree: Mapping[str, object]) -> str:
    """Return a mapping as YAML, in its own order."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(tree, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def comment_text(text: object) -> str:
    """Return a path or name for a YAML comment: characters that would end the comment, or the encoding, are escaped."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in str(text))


def short_digest(text: str) -> str:
    """Return the first 12 hex digits of a text's SHA-256."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:12]


def absolute(root: Path, word: str) -> Path:
    """Return a path of a command line, absolute and without `..`."""
    return Path(normpath(root / word))


def name_program(
    argv: Sequence[str],
    address: tuple[str, int],
    document: str,
    env: Mapping[str, str],
    settings_env: Mapping[str, str],
) -> str:
    """Return a digest of everything that makes two programs differ, except keys.

    Args:
        argv: The command line.
        address: Host and port.
        document: The digest of the program's config file.
        env: Environment variables that FlowGate sets.
        settings_env: Environment variables of the config; references stay references.
    """
    parts = [list(argv), list(address), document, dict(env), dict(settings_env)]
    return short_digest(json.dumps(parts, sort_keys=True))
