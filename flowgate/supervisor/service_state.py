"""A seat, its generations, what can happen to them and what can be ordered: the nouns of `core`.

A *seat* is one service; a *generation* is one run of one program on it. Two kinds of seat:

- `lent`: the keeper owns the public socket and lends it, so two generations may live side by side;
- `own`: the program binds its own port, so the old one must be gone before the new one is spawned.
"""

from __future__ import annotations

from dataclasses import dataclass

LIVE = ("starting", "ready", "serving", "draining", "stopping")


@dataclass(frozen=True, slots=True)
class Generation:
    """One run of one program.

    Attributes:
        number: Counts up for ever within a runtime folder.
        phase: Waiting, starting, ready, serving, draining or stopping.
        revival: Started by the keeper in place of one that crashed.
        renewal: To take the place of a generation of the same program by itself, as soon as it is ready.
        instead_of: The generation that must come back when this one does not come up (own seats).
        blame: Why it is being stopped, when it is the keeper's verdict and not somebody's wish.
    """

    number: int
    phase: str
    revival: bool = False
    renewal: bool = False
    instead_of: int | None = None
    blame: str = ""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """One service: its generations, oldest first, and what was learned of it.

    Attributes:
        served: The last generation that served; its program is what a revival runs.
        crashes: Revivals in a row without a quiet spell.
        restarts: Revivals since the seat exists.
        reviving: A revival's timer is armed.
        failure: Why the last one failed or crashed; empty once a generation serves.
    """

    service: str
    lent: bool
    ready_timeout: float = 120.0
    stop_grace: float = 10.0
    drain_timeout: float = 600.0
    revives: bool = True
    generations: tuple[Generation, ...] = ()
    numbered: int = 0
    wanted: bool = False
    served: int | None = None
    crashes: int = 0
    restarts: int = 0
    reviving: bool = False
    failure: str = ""

    def find(self, number: int) -> Generation | None:
        """Give the generation of that number, while it is there."""
        return next((g for g in self.generations if g.number == number), None)

    def serving(self) -> Generation | None:
        """Give the generation that serves."""
        return next((g for g in self.generations if g.phase == "serving"), None)

    def newest(self) -> Generation | None:
        """Give the newest generation that is neither draining nor stopping."""
        living = [g for g in self.generations if g.phase not in ("draining", "stopping")]
        return living[-1] if living else None


# --- events ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Start:
    """Somebody wants a new generation; the daemon numbers its program `seat.numbered + 1`."""


@dataclass(frozen=True, slots=True)
class Ready:
    number: int


@dataclass(frozen=True, slots=True)
class Promote:
    number: int


@dataclass(frozen=True, slots=True)
class Opened:
    number: int


@dataclass(frozen=True, slots=True)
class Died:
    """The process is gone. reason: its exit, or what it reported before."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class Discard:
    """A candidate is not wanted any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Abandon:
    """Whoever started this generation is gone before it was kept."""

    number: int


@dataclass(frozen=True, slots=True)
class Keep:
    """Whoever started this generation is content with it: there is no way back to the one before."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The service is to be taken down."""


@dataclass(frozen=True, slots=True)
class Renew:
    """The serving generation is to be replaced by a fresh one of its program."""


@dataclass(frozen=True, slots=True)
class Timer:
    """A time that was armed has come: ready, grace, drain, revive or quiet."""

    name: str
    number: int


Event = Start | Ready | Promote | Opened | Died | Discard | Abandon | Keep | Stop | Renew | Timer


# --- orders ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spawn:
    """Run a program. copy_of: the generation whose program it is, when nobody handed in a new one."""

    number: int
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class Open:
    number: int


@dataclass(frozen=True, slots=True)
class Drain:
    number: int


@dataclass(frozen=True, slots=True)
class Cut:
    """The time to drain is over: leave now, whatever is under way."""

    number: int


@dataclass(frozen=True, slots=True)
class Terminate:
    number: int


@dataclass(frozen=True, slots=True)
class Kill:
    number: int


@dataclass(frozen=True, slots=True)
class Arm:
    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth writing down. what: started, ready, serving, draining, failed, crashed, stopped or revived."""

    what: str
    number: int
    detail: str = ""


Effect = Spawn | Open | Drain | Cut | Terminate | Kill | Arm | Note
