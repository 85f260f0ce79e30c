"""The status document: everything that a supervisor runs, as its reply to a command contains it."""

from __future__ import annotations

from typing import NotRequired, Required, TypedDict

from flowgate.supervisor.source_status import SourceStatus


class WorkerStatus(TypedDict):
    """One process of a generation in the status document.

    Attributes:
        index: Which of the generation's workers it is; no index is used twice.
        phase: starting, ready, serving, draining or stopping.
        seconds: Age of the process.
        memory: Bytes of resident memory.
        silent: Why the process does not answer ("is stopped (SIGSTOP)"); empty when it does.
        under_way: Requests in progress; None for a program that does not report them.
    """

    index: int
    pid: int
    phase: str
    private_address: list[str | int]
    seconds: float
    memory: int | None
    silent: str
    open_connections: int | None
    under_way: int | None


class GenerationStatus(TypedDict, total=False):
    """One generation in the status document; keys of its processes are absent while it has none.

    Attributes:
        leased: The command that started it has not kept it yet.
        wanted_workers: How many processes it is to have.
        pid: The first process; `ticks` (its start time, in the kernel's unit), `private_address` and `seconds` (its
            age) are its too.
        memory: Bytes of resident memory of all processes; `open_connections` and `under_way` are sums too.
        under_way: Requests in progress; None for a program that does not report them.
        silent: Why a process does not answer ("is stopped (SIGSTOP)"); empty when all do.
        workers: The processes, in the order of their start.
    """

    number: Required[int]
    phase: Required[str]
    host: Required[str]
    port: Required[int]
    digest: Required[str]
    labels: Required[dict[str, str]]
    log: str
    leased: bool
    pid: int
    ticks: int
    private_address: list[str | int]
    seconds: float
    memory: int | None
    open_connections: int | None
    under_way: int | None
    silent: str
    wanted_workers: int
    workers: list[WorkerStatus]


class ServiceStatus(TypedDict, total=False):
    """One service in the status document. restarts: since the supervisor started; crashes: in a row."""

    wanted: bool
    restarts: int
    crashes: int
    failure: str
    generations: list[GenerationStatus]


class ForkServerStatus(TypedDict):
    """One fork server in the status document. state: importing, ready, refused or gone."""

    pid: int
    state: str
    memory: int | None


class StatusDocument(TypedDict):
    """Everything that a supervisor runs. supervisor: its pid, None when there is none. usage_sources: by service."""

    supervisor: int | None
    fork_servers: list[ForkServerStatus]
    services: dict[str, ServiceStatus]
    usage_sources: NotRequired[dict[str, SourceStatus]]
