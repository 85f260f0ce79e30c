"""The model beside what was measured: one real worker on one core, the load on the other core."""

from __future__ import annotations

from dataclasses import dataclass

from dev.scale.figures import Assumed, Figures
from dev.scale.model import Fleet, Setting

WARM_SECONDS = 5.0
RUN_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One measured setting.

    Attributes:
        clients: Clients that send one request after another; 0 for requests at random times.
        rate: Requests per second at random times.
        requests_per_second: What was answered.
        mean_ms: Mean duration.
        calibrated: Whether the model's figures were taken from this setting.
    """

    clients: int
    rate: float
    requests_per_second: float
    mean_ms: float
    calibrated: bool = False


MEASURED = (
    Measured(1, 0, 55.7, 18.0, calibrated=True),
    Measured(24, 0, 79.8, 298.7, calibrated=True),
    Measured(8, 0, 65.7, 121.4),
    Measured(0, 20, 20.5, 23.6, calibrated=True),
    Measured(0, 40, 39.9, 47.4),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One setting as measured and as the model has it.

    Attributes:
        what: The setting in words.
        unit: Of both values.
    """

    what: str
    unit: str
    measured: float
    modelled: float
    calibrated: bool

    @property
    def error(self) -> float:
        """Return the difference as a share of the measured value."""
        return self.modelled / self.measured - 1


def run() -> list[Check]:
    """Run the measured settings in the model.

    Returns:
        For closed clients the requests per second, for random times the mean duration.
    """
    return [check(one) for one in MEASURED]


def check(one: Measured) -> Check:
    """Run one measured setting in the model.

    Args:
        one: The setting.
    """
    fleet = Fleet(Setting(workers=1), Figures(), Assumed())
    if one.clients:
        for _ in range(one.clients):
            fleet.environment.process(fleet.closed_client())
    else:
        fleet.environment.process(fleet.open_clients(lambda _: one.rate, one.rate, mixed=False))
    fleet.environment.run(until=WARM_SECONDS + RUN_SECONDS)
    counted = [added for started, added in fleet.seen.added if started >= WARM_SECONDS]
    if one.clients:
        what = f"{one.clients} client{'s' if one.clients > 1 else ''}, one request after another"
        return Check(what, "requests/s", one.requests_per_second, len(counted) / RUN_SECONDS, one.calibrated)
    mean = sum(counted) / len(counted) * 1000
    return Check(f"{one.rate:g} requests/s at random times", "ms, mean", one.mean_ms, mean, one.calibrated)
