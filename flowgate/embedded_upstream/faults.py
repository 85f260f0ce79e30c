"""The faults that `PUT /embedded/faults` sets, by model."""

from __future__ import annotations

from dataclasses import dataclass, fields

from flowgate.embedded_upstream.json_data import Json, JsonObject

LONGEST_SECONDS = 600


class FaultError(Exception):
    """Faults that cannot be played; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """How the requests of a model fail.

    Attributes:
        status: Respond with this error status.
        retry_after: Seconds for the Retry-After header of that error.
        hangs: Never respond.
        silent: Start the response, then send nothing more.
        mute: Send a stream's headers and nothing else; a response that is no stream never comes.
        cuts: Break the connection after the first piece of text.
        slow: Seconds before the first piece of text, or before the failure.
        every: Only each request with a number divisible by this fails.
    """

    status: int | None = None
    retry_after: int | None = None
    hangs: bool = False
    silent: bool = False
    mute: bool = False
    cuts: bool = False
    slow: float = 0.0
    every: int = 1

    @property
    def fails(self) -> bool:
        """Whether a request fails, and not only takes longer."""
        return self.status is not None or self.hangs or self.silent or self.mute or self.cuts

    def changes(self) -> dict[str, object]:
        """Return the attributes that differ from their defaults."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {one.name: values[one.name] for one in fields(self) if values[one.name] != one.default}


NO_FAULT = Fault()
NAMES = tuple(one.name for one in fields(Fault))


def read_faults(body: JsonObject | None) -> dict[str, Fault]:
    """Read `{"MODEL": {"status": 500, …}}`.

    Args:
        body: The request's JSON; None if it is no object.

    Raises:
        FaultError: A fault has an unknown key or an impossible value.
    """
    if body is None:
        raise FaultError('the body must be an object: {"MODEL": {"status": 500}}')
    return {model: _fault(model, given) for model, given in body.items()}


def _fault(model: str, given: Json) -> Fault:
    if not isinstance(given, dict):
        raise FaultError(f"{model}: a fault is an object such as {{\"status\": 500}}, not '{given}'")
    for name in given:
        if name not in NAMES:
            raise FaultError(f"{model}: no fault is called '{name}'; valid names: {', '.join(NAMES)}")
    fault = Fault(
        status=_integer(model, given, "status", 400, 599),
        retry_after=_integer(model, given, "retry_after", 0),
        hangs=_boolean(model, given, "hangs"),
        silent=_boolean(model, given, "silent"),
        mute=_boolean(model, given, "mute"),
        cuts=_boolean(model, given, "cuts"),
        slow=_seconds(model, given, "slow"),
        every=_integer(model, given, "every", 1) or 1,
    )
    if (fault.status is not None) + fault.hangs + fault.silent + fault.mute + fault.cuts > 1:
        raise FaultError(f"{model}: status, hangs, silent, mute and cuts exclude each other")
    if fault.retry_after is not None and fault.status is None:
        raise FaultError(f"{model}: retry_after needs a status")
    return fault


def _integer(model: str, given: JsonObject, name: str, low: int, high: int | None = None) -> int | None:
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
        wanted = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise FaultError(f"{model}: {name} must be an integer {wanted}, not {value!r}")
    return value


def _boolean(model: str, given: JsonObject, name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise FaultError(f"{model}: {name} must be true or false, not {value!r}")
    return value


def _seconds(model: str, given: JsonObject, name: str) -> float:
    value = given.get(name, 0.0)
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value <= LONGEST_SECONDS:
        raise FaultError(f"{model}: {name} must be seconds from 0 to {LONGEST_SECONDS}, not {value!r}")
    return value
