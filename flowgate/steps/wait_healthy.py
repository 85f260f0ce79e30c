"""Wait until services answer."""

from pathlib import Path
from typing import Literal

from flowgate.config.error_location import locate_setting
from flowgate.domain import Service
from flowgate.errors import FlowGateError, NotReady, Unreachable
from flowgate.gateway import litellm, upstream_version
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.supervisor.protocol import GenerationStatus
from flowgate.system.clock import poll
from flowgate.system.http import Headers, Http, Response

Name = Literal["all", "litellm", "cliproxyapi_plus"]
LOG_LINES = 15
ASK_SECONDS = 5.0


def wait_healthy(context: StepContext, service: Name = "all", timeout: float | None = None) -> Result | Change:
    """Wait until services answer: the process is alive and its readiness address gives 2xx.

    Args:
        context: Tools and state of this run.
        service: Which one, or all.
        timeout: Seconds; each service's own `ready_timeout` when absent.

    Returns:
        Seconds (service → how long it took from its start).

    Raises:
        NotReady: , with the last lines of the service's log and the probable cause.
    """
    stack = context.stack()
    chosen = [one for name, one in stack.services.items() if service in ("all", name)]
    waiting = [one for one in chosen if not answers(context, one)]
    if not waiting:
        return unchanged(f"{', '.join(one.name for one in chosen)} healthy", seconds={})

    def apply(r: StepContext) -> Facts:
        seconds = {one.name: _wait(r, one, timeout) for one in chosen}
        return {"seconds": seconds, "message": ", ".join(f"{name} ready" for name in seconds)}

    return change(f"wait for {' and '.join(one.name for one in waiting)}", apply, changes=False)


def address(context: StepContext, service: Service, generation: GenerationStatus) -> str:
    """Give the base address that only this generation answers."""
    host, port = generation.get("private_address") or (service.program.host, service.program.port)
    return f"http://{host}:{port}"


def answers(context: StepContext, service: Service, seconds: float = ASK_SECONDS) -> bool:
    """Ask a service's newest generation once whether it is ready.

    Args:
        seconds: Of silence after which it counts as not ready yet.
    """
    generation = context.supervisor.generation(service.name)
    if generation is None or generation["phase"] not in ("ready", "serving"):
        return False
    base = address(context, service, generation)
    try:
        return asked(context.http, base, service.readiness_path, seconds).ok
    except Unreachable:
        return False


def asked(http: Http, base: str, path: str, seconds: float, *, headers: Headers | None = None) -> Response:
    """Ask an address that says whether a service is ready; where it is not known there, its other one.

    Raises:
        Unreachable: See the message.
    """
    answer = http.get(base + path, headers=headers, timeout=seconds)
    other = upstream_version.next_path(path, answer.status)
    return http.get(base + other, timeout=seconds) if other else answer


def _wait(context: StepContext, service: Service, timeout: float | None) -> float:
    began = context.clock.now()
    seconds = timeout or service.program.ready_timeout
    try:
        _come_up(context, service, seconds)
        left = max(1.0, seconds - (context.clock.now() - began))
        patience = max(ASK_SECONDS, left / 3)  # a slow one is not a dead one
        ready = poll(lambda: answers(context, service, patience), context.clock, every=0.02, ceiling=0.5, timeout=left)
    except NotReady as error:
        raise explained(context, error, service) from None
    if not ready:
        silent = NotReady(f"{service.name} runs, but {service.readiness_path} does not answer 2xx")
        raise explained(context, silent, service)
    return round(context.clock.now() - began, 3)


def _come_up(context: StepContext, service: Service, seconds: float) -> None:
    """Wait for the keeper's word: it hears at once when a program is ready, or ends."""
    generation = context.supervisor.generation(service.name)
    if generation is None:
        failure = context.supervisor.status()["services"].get(service.name, {}).get("failure")
        raise NotReady(f"{service.name} did not come up: {failure}" if failure else f"{service.name} is not running")
    context.supervisor.wait(service.name, int(generation["number"]), seconds)


def explained(context: StepContext, error: FlowGateError, service: Service) -> NotReady:
    """Add a service's last log lines, the probable cause and the way out."""
    log = service.program.log
    lines = context.files.tail(log, LOG_LINES)
    cause, way_out = probable_cause("\n".join(lines))
    what = f"{error.what}{': ' + cause if cause and cause not in error.what else ''}"
    return NotReady(
        what, fix=way_out or f"the whole log: {_shown(log)}", place=place(context, service, error.what), log=lines
    )


def place(context: StepContext, service: Service, words: str) -> str:
    """Say which line of the config a refusal of LiteLLM speaks of; empty when that cannot be told."""
    return (
        locate_setting(context.config, context.run_state.profile.value, words) if service.name == litellm.NAME else ""
    )


CAUSES = (
    ("address already in use", "its port is taken", "inv status, or change its port in the config"),
    (
        "publicly known default",
        "the master key is a publicly known one",
        "unset LITELLM_MASTER_KEY, or set a key of your own",
    ),
    ("UnsafeMasterKeyError", "LiteLLM refuses the master key", "unset LITELLM_MASTER_KEY; FlowGate makes a good one"),
    ("ModuleNotFoundError", "a Python package is missing", "uv sync"),
    ("No space left on device", "the disk is full", "free some space, then run the command again"),
    ("failed to parse config file", "its config is no YAML", "mend config/cliproxyapi.yaml"),
)


def probable_cause(log: str) -> tuple[str, str]:
    """Recognise what a log says: the cause and the way out, both empty when it is not known."""
    return next(((cause, way_out) for sign, cause, way_out in CAUSES if sign in log), ("", ""))


def _shown(path: Path) -> str:
    return f"less {path}"
