"""The nouns of the config file: what somebody wrote, checked and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from flowgate.domain.values import Tree


class Paths(NamedTuple):
    """Where things live; all absolute."""

    runtime_dir: Path
    active_config: Path
    state_file: Path
    log_file: Path


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """One entry of `services`.

    Attributes:
        cwd: Absolute, or None where the file names none.
        args: The command line as written; relative paths are taken from `cwd`, else from the config's folder.
        ready_timeout: seconds.
        drain_timeout: seconds.
        hold_timeout: seconds.
        restart: "on-failure" (a crash is mended), "always" or "never".
        max_memory: Bytes, or None for no guard.
    """

    name: str
    host: str
    port: int
    readiness_path: str | None
    health_path: str | None
    cwd: Path | None
    args: tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ready_timeout: float = 120.0
    restart: str = "on-failure"
    drain_timeout: float = 600.0
    hold_timeout: float = 10.0
    max_memory: int | None = None


class ProviderSettings(NamedTuple):
    """One entry of `auth.providers`."""

    name: str
    method: str
    auth_url_endpoint: str | None = None
    status_endpoint: str | None = None
    management_key_env: str | None = None


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """Where CLIProxyAPIPlus comes from.

    Attributes:
        sha256: Platform ("linux_amd64") → 64 hex digits.
        mirrors: Base addresses tried in order after the repository.
        file: A local archive, absolute.
    """

    repo: str = "router-for-me/CLIProxyAPIPlus"
    version: str = "v6.8.16-0"
    sha256: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    file: Path | None = None


class Reference(NamedTuple):
    """One `os.environ/NAME` of the file: the variable, the dotted path it stands at, and its `file:line`."""

    name: str
    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Config:
    """The config file, checked and complete.

    Attributes:
        file: The file it was read from, absolute.
        root: The folder that relative paths are taken from, absolute.
        embedded: True for the embedded default (no account, no key; ports move to free ones).
        litellm_base: Plain YAML trees, checked for their outer shape only.
        profiles: Plain YAML trees, checked for their outer shape only.
        references: Every `os.environ/NAME` under litellm_base and profiles.
        places: Dotted path ("services.litellm.port") → `file:line` of its key.
        notes: What was migrated or replaced while reading, one sentence each.
    """

    file: Path
    root: Path
    embedded: bool
    paths: Paths
    services: Mapping[str, ServiceSettings]
    litellm_base: Tree
    profiles: Mapping[str, Tree]
    providers: Mapping[str, ProviderSettings]
    secret_files: tuple[Path, ...]
    bootstrap: BootstrapSettings
    vars: Tree
    references: tuple[Reference, ...]
    places: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def place(self, path: str) -> str:
        """Give `file:line` of a dotted path, or of its nearest ancestor that stands in the file."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.places.get(path, str(self.file))
