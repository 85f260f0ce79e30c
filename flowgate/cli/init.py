"""The command `init`: write the user's config files from the examples, with new random keys."""

from __future__ import annotations

import secrets
from pathlib import Path

from flowgate.cli import console
from flowgate.cli.checks import example_keys
from flowgate.cli.session import USUAL
from flowgate.errors import UsageError
from flowgate.system import files, locations

NAMES = ("flowgate.yaml", "cliproxyapi.yaml")
NEXT = """\
next:
  inv bootstrap.download     download CLIProxyAPIPlus
  inv auth.login codex       log an account in (inv auth.list lists the other providers)
  inv doctor                 check that everything is ready
  inv up                     start everything; clients use the key $(cat $(inv key.path))"""


def init() -> int:
    """Write `config/flowgate.yaml` and `config/cliproxyapi.yaml`, and print their paths.

    Raises:
        UsageError: One of them exists; nothing is written.
    """
    folder = (locations.checkout() or Path.cwd()) / USUAL.parent
    for path in write(folder):
        console.data(str(path))
    console.note(NEXT)
    return 0


def write(folder: Path) -> list[Path]:
    """Write both config files into a folder, with mode 0600.

    Returns:
        Their paths.

    Raises:
        UsageError: One of them exists; nothing is written.
        DiskError: The folder cannot be written.
    """
    paths = [folder / name for name in NAMES]
    existing = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if existing:
        verb = "exists" if len(existing) == 1 else "exist"
        raise UsageError(f"{' and '.join(existing)} already {verb}", fix="edit it, or move it away first")
    known = example_keys.own_keys()
    for path in paths:
        files.write_atomic(path, with_new_keys(files.read_text(locations.examples() / path.name), known))
    return paths


def with_new_keys(text: str, known: frozenset[str]) -> str:
    """Replace each example key by a new random key.

    Args:
        text: The text of an example config.
        known: The example keys.
    """
    for key in sorted(known, key=len, reverse=True):
        text = text.replace(key, f"sk-{secrets.token_hex(24)}")
    return text
