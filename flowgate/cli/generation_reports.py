"""The generations of a service and their workers, as `status` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from flowgate.cli.columns import duration
from flowgate.cli.litellm_version import VERSION_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowgate.supervisor.status_document import GenerationStatus, WorkerStatus


class WorkerReport(TypedDict):
    """One process of a generation; docs/json.md describes the keys."""

    index: int
    phase: str
    pid: int
    seconds: float
    memory_bytes: int | None
    open_connections: int | None
    under_way: int | None
    silent: str


class GenerationReport(TypedDict):
    """One generation of a service; docs/json.md describes the keys."""

    number: int
    phase: str
    pid: int | None
    seconds: float | None
    open_connections: int | None
    under_way: int | None
    profile: str | None
    litellm: str | None
    by: str | None
    silent: str
    wanted_workers: int
    workers: list[WorkerReport]


def generation_report(found: GenerationStatus) -> GenerationReport:
    """Return a generation as `status --json` prints it.

    Args:
        found: The generation, from the supervisor's status.
    """
    return {
        "number": found["number"],
        "phase": found["phase"],
        "pid": found.get("pid"),
        "seconds": found.get("seconds"),
        "open_connections": found.get("open_connections"),
        "under_way": found.get("under_way"),
        "profile": found["labels"].get("profile"),
        "litellm": found["labels"].get(VERSION_LABEL),
        "by": found["labels"].get("by"),
        "silent": found.get("silent", ""),
        "wanted_workers": found.get("wanted_workers", 1),
        "workers": [_worker(one) for one in found.get("workers", ())],
    }


def _worker(found: WorkerStatus) -> WorkerReport:
    return {
        "index": found["index"],
        "phase": found["phase"],
        "pid": found["pid"],
        "seconds": found["seconds"],
        "memory_bytes": found["memory"],
        "open_connections": found["open_connections"],
        "under_way": found["under_way"],
        "silent": found["silent"],
    }


def generation_lines(service: str, generations: Sequence[GenerationReport]) -> Iterator[str]:
    """Describe generations and their workers, one line each; nothing where one generation is one process.

    Args:
        service: Name of the service.
        generations: Its generations.
    """
    for one in generations:
        if len(generations) > 1 or one["wanted_workers"] > 1:
            yield describe_generation(service, one)
        for worker in one["workers"] if one["wanted_workers"] > 1 else ():
            yield f"  {_describe_worker(worker)}"


def silences(generation: GenerationReport) -> list[tuple[int | None, str]]:
    """Return the pids of a generation's processes that do not answer, each with why.

    Args:
        generation: The generation.
    """
    if generation["wanted_workers"] > 1:
        return [(one["pid"], one["silent"]) for one in generation["workers"] if one["silent"]]
    return [(generation["pid"], generation["silent"])]


def _describe_worker(one: WorkerReport) -> str:
    memory = f", {one['memory_bytes'] / 1e6:.0f} MB" if one["memory_bytes"] else ""
    connections = f", open connections: {one['open_connections']}" if one["open_connections"] is not None else ""
    progress = f", requests in progress: {one['under_way']}" if one["under_way"] is not None else ""
    age = duration(one["seconds"])
    return f"worker {one['index']}: {one['phase']}, process {one['pid']}, {age}{memory}{connections}{progress}"


def describe_generation(service: str, one: GenerationReport, *, with_age: bool = True) -> str:
    """Describe a generation in one line: phase, age, who started it, open connections, requests in progress.

    Args:
        service: Name of the service.
        one: The generation.
        with_age: Include the time since its start.

    Returns:
        The line.
    """
    profile = f" {one['profile']}" if one["profile"] else ""
    profile += f" (LiteLLM {one['litellm']})" if one.get("litellm") else ""
    age = f" {duration(one['seconds'])} ago" if with_age and one["seconds"] is not None else ""
    by = f" by {one['by']}" if one["by"] else ""
    parts = [f"{service} generation {one['number']}{profile}: {one['phase']}"]
    parts += [f"started{age}{by}"] if age or by else []
    parts += [f"open connections: {one['open_connections']}"] if one["open_connections"] is not None else []
    parts += [f"requests in progress: {one['under_way']}"] if one["under_way"] is not None else []
    return ", ".join(parts)
