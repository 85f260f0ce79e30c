"""The nouns that travel between floors: frozen, without behaviour beyond what reads them.

Where a value was set travels with it (`Sourced`); a secret travels as a `Secret` and cannot be printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from flowgate.forking import Nursery

Tree = dict[str, Any]  # plain YAML: mappings, lists, texts, numbers, truth values, None

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sourced(Generic[T]):
    """A value and who set it.

    by: "typed", "environment", "file", "state" or "default"
    place: `file:line` for a file, the variable's name for the environment, else empty
    """

    value: T
    by: str
    place: str = ""


class Secret:
    """A text that cannot be printed, logged or put on a command line; `reveal()` where it must be used."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself, to hand to a program or a header."""
        return self._text

    def bearer(self) -> Secret:
        """Give the `Authorization` value that carries it."""
        return Secret(f"Bearer {self._text}")

    def __repr__(self) -> str:
        return "Secret(…)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


# --- settings: the file somebody wrote ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Paths:
    """Where things live; all absolute."""

    runtime_dir: Path
    active_config: Path
    state_file: Path
    log_file: Path


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """One entry of `services`.

    cwd: absolute, or None where the file names none
    args: the command line as written; relative paths are taken from `cwd`, else from the config's folder
    ready_timeout, drain_timeout, hold_timeout: seconds
    restart: "on-failure" (a crash is mended), "always" or "never"
    max_memory: bytes, or None for no guard
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


@dataclass(frozen=True, slots=True)
class ProviderSettings:
    """One entry of `auth.providers`."""

    name: str
    method: str
    auth_url_endpoint: str | None = None
    status_endpoint: str | None = None
    management_key_env: str | None = None


@dataclass(frozen=True, slots=True)
class BootstrapSettings:
    """Where CLIProxyAPIPlus comes from.

    sha256: platform ("linux_amd64") → 64 hex digits
    mirrors: base addresses tried in order after the repository
    file: a local archive, absolute
    """

    repo: str = "router-for-me/CLIProxyAPIPlus"
    version: str = "v6.8.16-0"
    sha256: Mapping[str, str] = field(default_factory=dict)
    mirrors: tuple[str, ...] = ()
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """One `os.environ/NAME` of the file: the variable, the dotted path it stands at, and its `file:line`."""

    name: str
    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Config:
    """The config file, checked and complete.

    file: the file it was read from, absolute
    root: the folder that relative paths are taken from, absolute
    embedded: true for the embedded default (no account, no key; ports move to free ones)
    litellm_base, profiles: plain YAML trees, checked for their outer shape only
    references: every `os.environ/NAME` under litellm_base and profiles
    places: dotted path ("services.litellm.port") → `file:line` of its key
    notes: what was migrated or replaced while reading, one sentence each
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


# --- stack: what each service needs, on paper --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """A file that a program will read: where it belongs, its text, and the name of its content.

    digest: the first 12 hex digits of the text's sha256
    in_place: write into the existing file instead of renaming a new one over it (the reader watches the inode)
    """

    path: Path
    text: str
    digest: str
    in_place: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """What the keeper needs to know to run one service; knows no playbook and no profile.

    argv: the command; argv[0] is an absolute path
    cwd: working folder, made 0700 when absent
    env: the whole environment of the process; values may be secret, so it never reaches a disk
    app: "module:attribute" of an ASGI app when the program is served by our own child, else None: an ordinary
        program that binds its own port
    host, port: the public address
    readiness_path: asked with GET; any 2xx is ready. Not used when `app` is set: the child reports itself
    log: the file that receives stdout and stderr
    documents: (path, text) of the files it reads, put back before a respawn when they have vanished
    labels: opaque facts for people ("profile": "cost"); the keeper hands them out and never reads them
    digest: names argv, documents and address, so that two equal programs have equal digests; env is compared apart
    nursery: how an app's generations are forked, where that is safe
    """

    service: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, Secret]
    app: str | None
    host: str
    port: int
    readiness_path: str | None
    log: Path
    documents: tuple[tuple[Path, str], ...]
    labels: Mapping[str, str]
    digest: str
    ready_timeout: float = 120.0
    stop_grace: float = 10.0
    drain_timeout: float = 600.0
    restart: str = "on-failure"
    nursery: Nursery | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One service on paper.

    program: what the keeper will run
    documents: the files to write first
    needs: names of variables its documents use (`os.environ/NAME`), with the place of each
    after: services that must be ready first
    health_path, readiness_path: for `health` and `wait_healthy`
    """

    name: str
    program: Program
    documents: tuple[Document, ...]
    needs: tuple[Reference, ...]
    after: tuple[str, ...]
    readiness_path: str
    health_path: str


@dataclass(frozen=True, slots=True)
class Stack:
    """Everything one profile needs: its services, in the order they are named in the config."""

    profile: Sourced[str]
    services: Mapping[str, Service]
    models: tuple[str, ...]
    notes: tuple[str, ...] = ()


# --- steps and plays ---------------------------------------------------------------------------------------------

Facts = dict[str, Any]  # what a step gives: plain data, registered under a name


@dataclass(frozen=True, slots=True)
class Result:
    """What a step found or did.

    status: "same" (content already), "changed", "skipped"
    said: one short sentence for people
    facts: plain data for `register`
    """

    status: str
    said: str
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Todo:
    """What a step would do.

    would: one short sentence, in the imperative ("write litellm-ab12.yaml")
    do: does it, with the acting reach, and gives the facts
    facts: the facts as far as they can be foretold; what check mode registers
    changes: false when the work only asks (a smoke question): it counts as "same" afterwards
    diff: (path, old text, new text) of files it would change, for --diff
    """

    would: str
    do: Callable[[Any], Facts]
    facts: Facts = field(default_factory=dict)
    changes: bool = True
    diff: tuple[tuple[str, str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one task ended.

    status: "same", "changed", "skipped", "failed", "rescued" (failed inside a block that has a rescue) or "ignored"
    seconds: how long it took
    place: `file:line` of the task
    """

    task: str
    step: str
    status: str
    said: str
    seconds: float
    place: str
    facts: Facts = field(default_factory=dict)
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run: its outcomes in the order they ended, the error that ended it, and the code for the shell."""

    play: str
    outcomes: tuple[Outcome, ...]
    error: BaseException | None
    code: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a play, or a block of tasks, as written: expressions are not rendered yet.

    name: empty when none was written
    step: the word of its step; empty for a block
    params: the step's parameters
    place: `file:line:column`
    when, until: conditions, all of which must hold
    retries: further tries after the first; None when not written
    delay: seconds between tries; None when not written
    loop: a list, a mapping or an expression that gives one; None when not written
    block, rescue, always: the tasks of a block; all empty for a task
    marks: dotted path under this task ("wait_healthy.timeout", "when.0") → (line, column) of the value; with a colon
        at its end ("wait_healthy.timeout:"), of a parameter's key
    """

    name: str
    step: str
    params: Mapping[str, Any]
    place: str
    when: tuple[str | bool, ...] = ()
    register: str = ""
    until: tuple[str | bool, ...] = ()
    retries: int | str | None = None
    delay: float | str | None = None
    loop: Any = None
    tags: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    ignore_errors: bool = False
    block: tuple[Task, ...] = ()
    rescue: tuple[Task, ...] = ()
    always: tuple[Task, ...] = ()
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Give `file:line:column` of a dotted path under this task, or of its nearest written ancestor."""
        return _nearest(self.marks, path, self.place)


@dataclass(frozen=True, slots=True)
class Play:
    """One play of a playbook: variables and tasks, in the order they run.

    place: `file:line:column`
    marks: dotted path ("vars.profile") → (line, column)
    """

    name: str
    vars: Mapping[str, Any]
    tasks: tuple[Task, ...]
    place: str
    tags: tuple[str, ...] = ()
    marks: Mapping[str, tuple[int, int]] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """Give `file:line:column` of a dotted path under this play, or of its nearest written ancestor."""
        return _nearest(self.marks, path, self.place)


def _nearest(marks: Mapping[str, tuple[int, int]], path: str, place: str) -> str:
    while path and path not in marks:
        path = path.rpartition(".")[0]
    if not path:
        return place
    line, column = marks[path]
    return f"{place.rsplit(':', 2)[0]}:{line}:{column}"
