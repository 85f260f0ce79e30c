"""The user's own config, made from the examples with keys that nobody else has."""

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
  inv bootstrap.download     fetch CLIProxyAPIPlus
  inv auth.login codex       log an account in (inv auth.list shows the others)
  inv doctor                 look whether all is well
  inv up                     bring everything up; clients use $(cat $(inv key.path))"""


def init() -> int:
    """Write `config/flowgate.yaml` and `config/cliproxyapi.yaml` from the examples, with fresh random keys.

    Raises:
        UsageError: One of them is there.
        FlowGateError: Nothing is written then.
    """
    folder = (locations.checkout() or Path.cwd()) / USUAL.parent
    for path in write(folder):
        console.data(str(path))
    console.note(console.spell_commands(NEXT))
    return 0


def write(folder: Path) -> list[Path]:
    """Write both configs into a folder, 0600.

    Returns:
        The files.

    Raises:
        UsageError: One of them is there.
        DiskError: See the message.
    """
    paths = [folder / name for name in NAMES]
    there = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if there:
        verb = "is" if len(there) == 1 else "are"
        raise UsageError(f"{' and '.join(there)} {verb} there already", fix="move it away, or change it by hand")
    known = example_keys.own_keys()
    for path in paths:
        files.write_atomic(path, with_fresh_keys(files.read_text(locations.examples() / path.name), known))
    return paths


def with_fresh_keys(text: str, known: frozenset[str]) -> str:
    """Put a fresh random key in the place of every example key.

    Args:
        known: The example keys.
    """
    for key in sorted(known, key=len, reverse=True):
        text = text.replace(key, f"sk-{secrets.token_hex(24)}")
    return text
