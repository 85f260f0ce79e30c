"""Secret files and folders that other users can read. `status` calls it, so it imports little."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from flowgate.domain import Config
from flowgate.gateway import cliproxy
from flowgate.system import locations, permissions

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


class Exposed(NamedTuple):
    """A secret file or folder that other users can read.

    Attributes:
        path: Its path.
        mode: Its permission bits.
        wanted: The permission bits that it should have.
    """

    path: Path
    mode: int
    wanted: int

    def command(self) -> str:
        """Return the command that makes it private."""
        from shlex import quote

        return f"chmod {self.wanted:03o} {quote(str(self.path))}"


def exposed(config: Config) -> list[Exposed]:
    """Find the secret files and folders that other users can read."""
    found = []
    for path in _secret_paths(config):
        mode = permissions.mode(path)
        if mode is not None and mode & permissions.FOR_OTHERS:
            found.append(Exposed(path, mode, PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE))
    return found


def secrets_folder(config: Config) -> Path:
    """Return the folder of FlowGate's keys."""
    return config.paths.runtime_dir.parent / "secrets"


def _secret_paths(config: Config) -> list[Path]:
    runtime = config.paths.runtime_dir
    folders = [secrets_folder(config), cliproxy.auth_folder(config)]
    inside = [path for folder in folders if folder.is_dir() for path in sorted(folder.rglob("*"))]
    rendered = [*sorted(runtime.glob("litellm*.yaml")), runtime / "cliproxyapi.yaml"]
    own = cliproxy.user_config(config)
    users = [own] if own and own.parent != locations.examples() else []
    return list(dict.fromkeys([*folders, *inside, *rendered, *config.secret_files, *users]))
