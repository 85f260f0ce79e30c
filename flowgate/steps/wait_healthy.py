"""Wait until services are ready."""

from collections.abc import Iterable
from typing import Literal

from flowgate.config.error_location import locate_setting
from flowgate.domain import Service
from flowgate.errors import FlowGateError, NotReady, Unreachable
from flowgate.gateway import litellm, remote_probe, southbound, upstream_version
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.supervisor.status_document import GenerationStatus
from flowgate.system.clock import poll
from flowgate.system.http import Headers, Http, Response

Name = Literal["all", "litellm", "cliproxyapi_plus"]
ENDING = 5  # lines of a log in which an error that spans several lines ends
LOG_LINES = 15
REQUEST_SECONDS = 5.0
MISSING_PACKAGE = "uv sync --locked in a clone; else install the package that the log names beside LiteLLM"

# (text in a log, cause, fix)
CAUSES = (
    ("address already in use", "its port is in use", "inv status, or change its port in the config"),
    (
        "publicly known default",
        "the master key is publicly known",
        "unset LITELLM_MASTER_KEY, or set a key of your own",
    ),
    ("UnsafeMasterKeyError", "LiteLLM refuses the master key", "unset LITELLM_MASTER_KEY; FlowGate generates a key"),
    ("ModuleNotFoundError", "a Python package is missing", MISSING_PACKAGE),
    ("No space left on device", "the disk is full", "free some space, then run the command again"),
    ("failed to parse config file", "its config is not valid YAML", "fix config/cliproxyapi.yaml"),
)


def wait_healthy(context: StepContext, service: Name = "all", timeout: float | None = None) -> Result | Change:
    """Wait until services are ready: the process is alive and its readiness URL returns 2xx.

    Args:
        context: Tools and state of this run.
        service: A service, or all.
        timeout: Seconds; default is each service's `ready_timeout`.

    Returns:
        `seconds` (service → seconds from its start).

    Raises:
        NotReady: A service is not ready; shows the last lines of its log and the probable cause.
        UsageError: The gateway has no such service.
    """
    southbound.require_service(context.config, service)
    stack = context.stack()
    chosen = [one for name, one in stack.services.items() if service in ("all", name)]
    waiting = [one for one in chosen if not is_ready(context, one)]
    if not waiting:
        if service == "all":
            _warn_of_remote(context)
        return unchanged(_ready(one.name for one in chosen), seconds={})

    def apply(acting: StepContext) -> Facts:
        seconds = {one.name: _wait(acting, one, timeout) for one in chosen}
        if service == "all":
            _warn_of_remote(acting)
        return {"seconds": seconds, "message": _ready(seconds)}

    return change(f"wait for {' and '.join(one.name for one in waiting)}", apply, changes=False)


def _warn_of_remote(context: StepContext) -> None:
    """Say that a remote CLIProxyAPIPlus is not ready; LiteLLM starts all the same, for its other models."""
    if context.config.remote is None:
        return
    found = remote_probe.probe(context.config, context.key(context.config.remote.key))
    if not found.ready:
        context.emit(f"warning: {southbound.NAME} at {context.config.remote.url} is not ready: {found.error}")
        context.emit(f"  fix: {found.fix}")


def _ready(names: Iterable[str]) -> str:
    return ", ".join(f"{name} ready" for name in names)


def private_base_url(context: StepContext, service: Service, generation: GenerationStatus) -> str:
    """Return the base URL at which only this generation responds.

    Args:
        context: Tools and state of this run.
        service: The service.
        generation: Its generation, from the supervisor's status.

    Returns:
        The base URL, without a path.
    """
    host, port = generation.get("private_address") or (service.program.host, service.program.port)
    return f"http://{host}:{port}"


def is_ready(context: StepContext, service: Service, seconds: float = REQUEST_SECONDS) -> bool:
    """Check once whether the generation of a service that this run means is ready: the one it started, else the newest.

    Args:
        context: Tools and state of this run.
        service: The service.
        seconds: Seconds without a response after which it counts as not ready.

    Returns:
        Whether it is ready.
    """
    try:
        generation = context.supervisor.chosen(service.name)
    except NotReady:  # what this run started has ended
        return False
    if generation is None or generation["phase"] not in ("ready", "serving"):
        return False
    base = private_base_url(context, service, generation)
    try:
        return get_readiness(context.http, base, service.readiness_path, seconds).ok
    except Unreachable:
        return False


def get_readiness(http: Http, base: str, path: str, seconds: float, *, headers: Headers | None = None) -> Response:
    """Request a readiness URL; if the program does not have it, the one of its other versions.

    Args:
        http: The HTTP client.
        base: Base URL of the service.
        path: Path of the readiness URL.
        seconds: Timeout in seconds.
        headers: Request headers.

    Returns:
        The response.

    Raises:
        Unreachable: There is no response.
    """
    response = http.get(base + path, headers=headers, timeout=seconds)
    other = upstream_version.next_path(path, response.status)
    return http.get(base + other, timeout=seconds) if other else response


def _wait(context: StepContext, service: Service, timeout: float | None) -> float:
    began = context.clock.now()
    seconds = timeout or service.program.ready_timeout
    try:
        _wait_for_supervisor(context, service, seconds)
        left = max(1.0, seconds - (context.clock.now() - began))
        patience = max(REQUEST_SECONDS, left / 3)  # a slow service is not a dead one
        ready = poll(lambda: is_ready(context, service, patience), context.clock, every=0.02, ceiling=0.5, timeout=left)
    except NotReady as error:
        raise _explain(context, error, service) from None
    if not ready:
        silent = NotReady(f"{service.name} runs, but {service.readiness_path} does not return 2xx")
        raise _explain(context, silent, service)
    return round(context.clock.now() - began, 3)


def _wait_for_supervisor(context: StepContext, service: Service, seconds: float) -> None:
    """Wait until the supervisor reports that the generation is ready; it learns at once when the program ends."""
    generation = context.supervisor.chosen(service.name)
    if generation is None:
        failure = context.supervisor.status()["services"].get(service.name, {}).get("failure")
        raise NotReady(f"{service.name} did not start: {failure}" if failure else f"{service.name} is not running")
    context.supervisor.wait(service.name, generation["number"], seconds)


def _explain(context: StepContext, error: FlowGateError, service: Service) -> NotReady:
    """Add the last lines of the service's log, the probable cause and a fix."""
    log = service.program.log
    lines = context.files.tail(log, LOG_LINES)
    cause, fix = probable_cause("\n".join(lines))
    what = f"{error.what}: {cause}" if cause and cause not in error.what else error.what
    place = config_place(context, service, error.what) or config_place(context, service, "\n".join(lines[-ENDING:]))
    return NotReady(what, fix=fix or f"the whole log: less {log}", place=place, log=lines)


def config_place(context: StepContext, service: Service, text: str) -> str:
    """Return the config line that an error text of LiteLLM is about.

    Args:
        context: Tools and state of this run.
        service: The service that reported the error.
        text: The error text.

    Returns:
        `file:line`; empty if not known.
    """
    profile = context.run_state.profile.value
    return locate_setting(context.config, profile, text) if service.name == litellm.NAME else ""


def probable_cause(log: str) -> tuple[str, str]:
    """Find the cause of a failure in a log.

    Args:
        log: The last lines of the log.

    Returns:
        Cause and fix; both empty if not known.
    """
    return next(((cause, fix) for sign, cause, fix in CAUSES if sign in log), ("", ""))
