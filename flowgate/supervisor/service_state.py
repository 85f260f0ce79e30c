"""The state of a service, the events that change it, and the effects that result: data for `state_machine`.

A *generation* is one run of one program of a service. Its listener is shared (the supervisor owns it, so two
generations may run at the same time) or its own (the old generation must be gone before the new one is spawned).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

LIVE = ("starting", "ready", "serving", "draining", "stopping")
CANDIDATE = ("waiting", "starting", "ready")


@dataclass(frozen=True, slots=True)
class Generation:
    """One run of one program.

    Attributes:
        number: Unique within a runtime folder; it only grows.
        phase: waiting, starting, ready, serving, draining or stopping.
        respawn: It replaces one that crashed. renewal: It opens by itself when ready, and replaces one of its program.
        fallback: The generation that must come back when this one does not start (own listener only).
        verdict: Why the supervisor stops it; empty when a command stops it.
    """

    number: int
    phase: str
    respawn: bool = False
    renewal: bool = False
    fallback: int | None = None
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class ServiceState:
    """The state of one service.

    Attributes:
        shared_listener: Whether the supervisor owns the public listener. respawns: Whether a crash causes a respawn.
        generations: Oldest first. last_number: The newest that ever existed. wanted: Whether the service should run.
        served: The last generation that served; a respawn runs its program.
        crashes: Respawns in a row without a quiet minute; `restarts`: all since the supervisor started.
        respawn_pending: Whether the timer of a respawn is armed. failure: Why the last generation failed or crashed.
    """

    service: str
    shared_listener: bool
    ready_timeout: float = 120.0
    stop_grace: float = 10.0
    drain_timeout: float = 600.0
    respawns: bool = True
    generations: tuple[Generation, ...] = ()
    last_number: int = 0
    wanted: bool = False
    served: int | None = None
    crashes: int = 0
    restarts: int = 0
    respawn_pending: bool = False
    failure: str = ""

    def find(self, number: int) -> Generation | None:
        """Return the generation of that number, if it exists."""
        return next((g for g in self.generations if g.number == number), None)

    def serving(self) -> Generation | None:
        """Return the generation that serves."""
        return next((g for g in self.generations if g.phase == "serving"), None)

    def newest(self) -> Generation | None:
        """Return the newest generation that is neither draining nor stopping."""
        return next((g for g in reversed(self.generations) if g.phase not in ("draining", "stopping")), None)

    def has_live(self) -> bool:
        """Return whether a generation has a process."""
        return any(g.phase in LIVE for g in self.generations)

    def updated(self, changed: Generation) -> ServiceState:
        """Return the state with one generation changed."""
        return replace(self, generations=tuple(changed if g.number == changed.number else g for g in self.generations))

    def without(self, gone: Generation) -> ServiceState:
        """Return the state without one generation."""
        return replace(self, generations=tuple(g for g in self.generations if g.number != gone.number))


# --- events


@dataclass(frozen=True, slots=True)
class Start:
    """A command starts a new generation, numbered `last_number + 1`."""


@dataclass(frozen=True, slots=True)
class Ready:
    """A generation is ready."""

    number: int


@dataclass(frozen=True, slots=True)
class Promote:
    """A command lets a generation serve."""

    number: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A generation accepts connections on the public listener."""

    number: int


@dataclass(frozen=True, slots=True)
class Died:
    """A process has ended. reason: its exit, or what it reported before."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """One of several workers of a generation has ended. workers: how many it has. lived: seconds since its start."""

    number: int
    reason: str
    workers: int
    lived: float = 0.0


@dataclass(frozen=True, slots=True)
class Discard:
    """A command discards a candidate."""

    number: int


@dataclass(frozen=True, slots=True)
class Abandon:
    """The command that started a generation ended before it kept the generation."""

    number: int


@dataclass(frozen=True, slots=True)
class Keep:
    """The command that started a generation keeps it, so there is no fallback any more."""

    number: int


@dataclass(frozen=True, slots=True)
class Stop:
    """A command stops the service. drain: Requests in progress are finished first, within the time to drain."""

    drain: bool = False


@dataclass(frozen=True, slots=True)
class Renew:
    """The serving generation is to be replaced by a fresh one of its program."""


@dataclass(frozen=True, slots=True)
class Timer:
    """An armed timer has expired. name: ready, grace, drain, respawn, quiet, worker or steady (with `restarts`)."""

    name: str
    number: int
    restarts: int = 0


Event = Start | Ready | Promote | Opened | Died | WorkerLost | Discard | Abandon | Keep | Stop | Renew | Timer


# --- effects


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start a process. copy_of: the generation whose program it runs, when no command sent a new one."""

    number: int
    copy_of: int | None = None


@dataclass(frozen=True, slots=True)
class SpawnWorker:
    """Start one more worker of a serving generation, in place of one that has ended."""

    number: int


@dataclass(frozen=True, slots=True)
class Open:
    """Accept connections on the public listener."""

    number: int


@dataclass(frozen=True, slots=True)
class Drain:
    """Accept no more connections, and exit when the requests in progress are finished."""

    number: int


@dataclass(frozen=True, slots=True)
class Cut:
    """Exit now; the time to drain is over."""

    number: int


@dataclass(frozen=True, slots=True)
class Terminate:
    """Send SIGTERM."""

    number: int


@dataclass(frozen=True, slots=True)
class Kill:
    """Send SIGKILL."""

    number: int


@dataclass(frozen=True, slots=True)
class Arm:
    """Start a timer."""

    timer: Timer
    seconds: float


@dataclass(frozen=True, slots=True)
class Note:
    """Write a note. what: ready, serving, draining, failed, crashed, stopped or respawned."""

    what: str
    number: int
    detail: str = ""


Effect = Spawn | SpawnWorker | Open | Drain | Cut | Terminate | Kill | Arm | Note
Step = tuple[ServiceState, tuple[Effect, ...]]
