"""Find out what a service runs now."""

from typing import Literal

from flowgate.errors import CheckFailed, NotReady
from flowgate.gateway import southbound
from flowgate.step import Result, StepContext, unchanged


def find_serving(
    context: StepContext,
    service: Literal["litellm", "cliproxyapi_plus"] = "litellm",
    required: bool = False,
    expected: str = "",
) -> Result:
    """Find out whether a service runs, and with which profile.

    Args:
        context: Tools and state of this run.
        service: Name of the service.
        required: Fail when the service does not run.
        expected: Fail unless this profile serves; if empty, any may.

    Returns:
        `running`, the `generation` number (null when nothing runs) and the `profile` it serves (empty when unknown).

    Raises:
        CheckFailed: Another profile serves than the expected one, or none.
        NotReady: The service does not run, and it is required.
        UsageError: The gateway has no such service, and it is required.
    """
    if context.config.remote and service == southbound.NAME:
        message = f"{service} runs at {context.config.remote.url}"
        return unchanged(message, running=True, generation=None, profile="")
    if required:
        southbound.require_service(context.config, service)
    serving = context.supervisor.serving_label(service, "profile") if expected else ""
    if expected and serving != expected:
        actual = f"profile {serving} serves" if serving else "no profile serves"
        raise CheckFailed(f"{actual}, not {expected}: nothing is changed", fix="inv status")
    found = context.supervisor.generation(service)
    if found is None:
        if required:
            raise NotReady(f"{service} is not running", fix="inv up")
        return unchanged(f"{service} is not running", running=False, generation=None, profile="")
    profile = str(found["labels"].get("profile") or "")
    message = f"{service} generation {found['number']} runs" + (f" profile {profile}" if profile else "")
    return unchanged(message, running=True, generation=int(found["number"]), profile=profile)
