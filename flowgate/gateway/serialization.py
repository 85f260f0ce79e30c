"""Small things both services' papers share: YAML text, digests of documents and programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from posixpath import normpath

from flowgate.domain import Tree


def dump(tree: Tree) -> str:
    """Write a tree as YAML, in the order it has."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(tree, Dumper=dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def short_digest(text: str) -> str:
    """Name a text by its content: the first 12 hex digits of its sha256."""
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()[:12]


def absolute(root: Path, word: str) -> Path:
    """Give a path of a command line, absolute and without `..`."""
    return Path(normpath(root / word))


def name_program(
    argv: Sequence[str],
    address: tuple[str, int],
    document: str,
    env: Mapping[str, str],
    settings_env: Mapping[str, str],
) -> str:
    """Name a program by everything that makes it what it is, keys excepted.

    Args:
        document: The digest of its document.
        env: What we and the config put into its environment; references stay references.
        settings_env: What we and the config put into its environment; references stay references.
    """
    parts = [list(argv), list(address), document, dict(env), dict(settings_env)]
    return short_digest(json.dumps(parts, sort_keys=True))
