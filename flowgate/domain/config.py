"""Records of the config file, validated and complete."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowgate.domain.budgets import Budget
from flowgate.domain.ledger import LedgerSettings
from flowgate.domain.request_limits import AUTO, MAX_BODY
from flowgate.domain.values import Variables

if TYPE_CHECKING:
    from flowgate.domain.settings import LiteLLMSettings


AUTO_WORKERS = 0  # `services.litellm.workers: auto`


class Paths(NamedTuple):
    """Locations of FlowGate's files, all absolute."""

    runtime_dir: Path
    active_config: Path
    state_file: Path
    log_file: Path


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """One entry of `services`.

    Attributes:
        cwd: Absolute working directory; None if the file sets none.
        args: Command line as written. Relative paths are resolved against `cwd`, else against the config's folder.
        ready_timeout: Seconds; the same unit holds for `drain_timeout` and `hold_timeout`.
        restart: "on-failure", "always" or "never".
        max_memory: Bytes; None for no limit.
        workers: Processes of one generation; AUTO_WORKERS for as many as the machine has cores.
        max_requests: How many requests a generation serves at once; AUTO for a number that suits the machine.
        max_body: Bytes of a request's body.
    """

    name: str
    host: str
    port: int
    readiness_path: str | None
    health_path: str | None
    cwd: Path | None
    args: tuple[str, ...]
    depends_on: tuple[str, ...]
    env: Mapping[str, str]
    ready_timeout: float
    restart: str
    drain_timeout: float
    hold_timeout: float
    max_memory: int | None
    workers: int = 1
    max_requests: int = AUTO
    max_body: int = MAX_BODY


class ProviderSettings(NamedTuple):
    """One entry of `auth.providers`."""

    name: str
    method: str
    auth_url_endpoint: str | None = None
    status_endpoint: str | None = None
    management_key_env: str | None = None


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """Download source of CLIProxyAPIPlus.

    Attributes:
        sha256: Platform ("linux_amd64") → 64 hex digits.
        mirrors: Base URLs that are tried, in order, after the repository.
        file: Absolute path of a local archive.
    """

    repo: str = "router-for-me/CLIProxyAPIPlus"
    version: str = "v6.8.16-0"
    sha256: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    file: Path | None = None


class Reference(NamedTuple):
    """One `os.environ/NAME` in the config: the variable's name, the dotted path of the value, its `file:line`."""

    name: str
    path: str
    place: str


class RemoteUpstream(NamedTuple):
    """A CLIProxyAPIPlus that runs elsewhere, in place of one that FlowGate starts.

    Attributes:
        url: Its address, without a slash at the end.
        key: The variable with the key that it accepts.
        ca: File with the certificate of a private CA; None for the public CAs.
        management_key: The variable with its management key; empty if this gateway does not manage it.
        allow_http: Keys and prompts may be sent to it without encryption.
    """

    url: str
    key: str
    ca: Path | None = None
    management_key: str = ""
    allow_http: bool = False


class ImpliedService(NamedTuple):
    """A service that the config uses without naming it.

    Attributes:
        why: The first setting that uses it, in words.
        place: Its `file:line`.
        more: How many more settings use it.
    """

    why: str
    place: str
    more: int = 0

    @property
    def others(self) -> str:
        """The other settings, in words; empty if there are none."""
        return (
            f"; so {'does 1 more setting' if self.more == 1 else f'do {self.more} more settings'}" if self.more else ""
        )


@dataclass(frozen=True, slots=True)
class Config:
    """The config file, validated and complete.

    Attributes:
        file: Absolute path of the file.
        root: Absolute folder that relative paths are resolved against.
        embedded: True for the embedded default (no account, no key; a port in use is replaced by a free one).
        services: Name → settings; without CLIProxyAPIPlus, LiteLLM calls the providers itself.
        litellm_base: Settings of LiteLLM under every profile; only the shape is validated.
        profiles: Name → settings that are merged over `litellm_base`; only the shape is validated.
        references: Every `os.environ/NAME` in the file.
        places: Dotted path ("services.litellm.port") → `file:line` of its key.
        notes: What was migrated or replaced when the file was read, one sentence each.
        included: Absolute paths of the files that `litellm_base.include` names; their settings are in `litellm_base`.
        implied: What uses CLIProxyAPIPlus, if the config does not name it; it has its defaults then.
        remote: The CLIProxyAPIPlus that runs elsewhere; `services` has none then.
        model_names: Names and patterns that clients ask for by themselves → the model that answers.
        own_model_names: Profile → its own, merged over these; None takes one away.
        ledger: What is recorded of requests, and how long it is kept.
        budgets: What may be spent and asked, in the order of the file.
    """

    file: Path
    root: Path
    embedded: bool
    paths: Paths
    services: Mapping[str, ServiceSettings]
    litellm_base: LiteLLMSettings
    profiles: Mapping[str, LiteLLMSettings]
    providers: Mapping[str, ProviderSettings]
    secret_files: tuple[Path, ...]
    bootstrap: BootstrapSettings
    vars: Variables
    references: tuple[Reference, ...]
    places: Mapping[str, str]
    notes: tuple[str, ...] = ()
    included: tuple[Path, ...] = ()
    implied: ImpliedService | None = None
    remote: RemoteUpstream | None = None
    model_names: Mapping[str, str] = field(default_factory=dict)
    own_model_names: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    budgets: tuple[Budget, ...] = ()

    def place(self, path: str) -> str:
        """Return `file:line` of a dotted path, or of its nearest ancestor that is in the file."""
        while path and path not in self.places:
            path = path.rpartition(".")[0]
        return self.places.get(path, str(self.file))
