"""The private stack of a rehearsal: vendors that can fail, and for each scenario a pair of programs of its own."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from flowgate.domain import Program, Secret
from flowgate.errors import CheckFailed, FlowGateError, NotReady
from flowgate.gateway import cliproxy, litellm
from flowgate.gateway.environment import INHERITED_VARIABLES, MODULE_CACHE
from flowgate.rehearsal import config
from flowgate.rehearsal.config import Places, Script
from flowgate.rehearsal.scenarios import Fault, Scenario
from flowgate.step import StepContext
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import bytecode, tempdirs

LOG_LINES = 12
UNHEARD = (
    "HOME",
    *(name for name in INHERITED_VARIABLES if "proxy" in name.lower()),
)  # nobody beyond this machine is asked


@dataclass(frozen=True, slots=True)
class Attempt:
    """What arrived at a vendor. at: seconds since 1970; failed: it was given its fault"""

    role: str
    at: float
    failed: bool


class Vendors:
    """Who stands for every vendor of a rehearsal; each scenario has models of its own there."""

    def __init__(self, context: StepContext, base: str, script: Script) -> None:
        self.context, self.base, self.script = context, base, script
        self._faults: dict[str, dict[str, object]] = {}
        self._lock = threading.Lock()

    def fail(self, scenario: Scenario) -> None:
        """Let a scenario's faults begin."""
        with self._lock:
            for role, fault in scenario.faults.items():
                for model in self.script.cast.named(role) if not fault.refuses else ():
                    self._faults[config.vendor_model(scenario.name, model)] = plain(fault, self.script.scale)
            self._tell()

    def mend(self, scenario: Scenario) -> None:
        """Let a scenario's faults end."""
        with self._lock:
            mine = [name for name in self._faults if name.startswith(f"{scenario.name}.")]
            for name in mine:
                del self._faults[name]
            if mine:
                self._tell()

    def _tell(self) -> None:
        """Tell all of them, the lock held: scenarios are played side by side."""
        body = json.dumps(self._faults).encode()
        headers = {"content-type": "application/json"}
        answer = self.context.http.request("PUT", f"{self.base}/embedded/faults", body, headers=headers)
        if not answer.ok:
            raise CheckFailed(f"the vendors' stand-in takes no faults: {answer.status} {answer.text[:200]}")

    def asked(self, scenario: Scenario) -> list[Attempt]:
        """List what arrived for a scenario, in order."""
        rows = self.context.http.get(f"{self.base}/embedded/asked").json()["asked"]
        head = f"{scenario.name}."
        mine = [row for row in rows if str(row["model"]).startswith(head)]
        roles = self.script.cast.roles
        return [
            Attempt(roles[str(row["model"]).removeprefix(head)], float(row["at"]), bool(row["failed"])) for row in mine
        ]


def plain(fault: Fault, scale: float) -> dict[str, object]:
    """Write a fault as the vendors take it; the pause that it asks for is scaled as everything else is."""
    found = {name: value for name, value in asdict(fault).items() if value and name != "refuses"}
    if fault.retry_after:
        found["retry_after"] = max(1, round(fault.retry_after * scale))
    return found


@dataclass
class Scene:
    """One scenario's programs, up and ready.

    Attributes:
        base: LiteLLM's address.
        headers: What a client shows.
    """

    scenario: Scenario
    base: str
    headers: Mapping[str, str | Secret]
    vendors: Vendors
    gate: tempdirs.BlockableProxy | None

    def fail(self) -> None:
        """Let the scenario's faults begin."""
        self.vendors.fail(self.scenario)
        if self.gate:
            self.gate.block()

    def asked(self) -> list[Attempt]:
        """List what arrived at the vendors, and at the gate before one that refuses."""
        refused = next((role for role, fault in self.scenario.faults.items() if fault.refuses), "primary")
        hits = [Attempt(refused, at, True) for at in (self.gate.blocked_at if self.gate else ())]
        return sorted([*self.vendors.asked(self.scenario), *hits], key=lambda one: one.at)


@dataclass
class Stage:
    """Everything that a rehearsal starts; `close` ends all of it.

    Attributes:
        front: Gives the address by which the vendors are asked, of the one that they have: a test may count in
            between.
    """

    context: StepContext
    script: Script
    folder: Path
    front: Callable[[str], str] | None = None
    vendors: Vendors = field(init=False)
    ending: threading.Event = field(default_factory=threading.Event)
    _scenes: list[SupervisorClient] = field(default_factory=list)
    _address: str = ""
    _anchored: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, scenarios: list[Scenario]) -> None:
        """Start the vendors."""
        files, runtime = self.context.files, self.runtime
        files.write(runtime / "bin" / "litellm", litellm.runner(self.context.python()), mode=0o700)
        files.write(self.embedded, cliproxy.embedded_runner(self.context.python()), mode=0o700)
        models = [
            config.vendor_model(scenario.name, model) for scenario in scenarios for model in self.script.cast.roles
        ]
        port = tempdirs.ports(1)[0]
        program = config.vendors(runtime, self.embedded, port, models, self._environment())
        self._main = self._keeper()
        self._run(self._main, [program])
        real = f"http://{config.LOOPBACK}:{port}"
        self.vendors = Vendors(self.context, real, self.script)
        self._address = self.front(real) if self.front else real

    @property
    def runtime(self) -> Path:
        """The folder of the keeper that keeps all this."""
        return self.folder / "runtime"

    @property
    def embedded(self) -> Path:
        """The runner of the embedded upstream."""
        return self.runtime / "bin" / cliproxy.EMBEDDED

    @property
    def plays_south(self) -> bool:
        """Say whether the embedded upstream stands in for CLIProxyAPIPlus: none is installed."""
        config = self.context.config
        return cliproxy.is_embedded(config) or not self.context.files.is_executable(cliproxy.binary(config))

    def _keeper(self) -> SupervisorClient:
        return SupervisorClient(self.runtime, self.runtime / "keeper.log")

    def _environment(self) -> dict[str, Secret]:
        wanted = [name for name in INHERITED_VARIABLES if name not in UNHEARD and name in self.context.environment]
        return {**{name: Secret(self.context.environment[name]) for name in wanted}, "HOME": Secret(str(self.folder))}

    @contextmanager
    def scene(self, scenario: Scenario) -> Iterator[Scene]:
        """Start a pair of programs for one scenario; they end with it."""
        with ExitStack() as after:
            refuses = any(fault.refuses for fault in scenario.faults.values())
            gate = tempdirs.BlockableProxy(int(self._address.rpartition(":")[2])) if refuses else None
            if gate:
                after.callback(gate.close)
            supervisor = self._keeper()
            after.callback(self._leave, supervisor)
            programs = [
                self._settled(one) for one in config.services(self.script, scenario, self._places(scenario, gate))
            ]
            for program in programs:
                for path, text in program.documents:
                    self.context.files.write(path, text)
            private_address = self._run(supervisor, programs)
            headers: dict[str, str | Secret] = {"Authorization": self.script.key.bearer()}
            self.vendors.mend(scenario)  # it may have been played before
            yield Scene(scenario, f"http://{private_address[0]}:{private_address[1]}", headers, self.vendors, gate)

    def _places(self, scenario: Scenario, gate: tempdirs.BlockableProxy | None) -> Places:
        north, south = tempdirs.ports(2)
        installed = cliproxy.binary(self.context.config)
        return Places(
            folder=self.runtime / scenario.name,
            runner=self.runtime / "bin" / "litellm",
            upstream=self.embedded if self.plays_south else installed,
            flags=() if self.plays_south else self.context.config.services[cliproxy.NAME].args[1:],
            environment=self._environment(),
            litellm=north,
            south=south,
            vendors=self._address,
            gate=f"http://{config.LOOPBACK}:{gate.port}" if gate else self._address,
        )

    def _settled(self, program: Program) -> Program:
        if program.fork_server is None:
            return program
        module_cache = str(bytecode.site_packages() / MODULE_CACHE)
        fork_server = replace(program.fork_server, environment=bytecode.environment(), module_cache=module_cache)
        return replace(program, fork_server=fork_server)

    def _run(self, supervisor: SupervisorClient, programs: list[Program]) -> tuple[str, int]:
        """Start programs and wait until all are ready; give the address that the last one answers.

        Raises:
            NotReady: , with the last lines of a program's log.
        """
        begun = [(program, int(supervisor.start(program, fresh=True)["generation"])) for program in programs]
        for program, number in begun:
            try:
                supervisor.wait(program.service, number, program.ready_timeout)
            except FlowGateError as error:
                lines = self.context.files.tail(program.log, LOG_LINES)
                raise NotReady(f"the rehearsal's {error.what}", fix=error.fix, log=lines) from None
        last = supervisor.generation(programs[-1].service)
        if last is None:
            raise NotReady(f"the rehearsal's {programs[-1].service} has ended")
        host, port = last.get("private_address") or (last["host"], last["port"])
        return str(host), int(port)

    def _leave(self, supervisor: SupervisorClient) -> None:
        """End a scenario's programs; the first one's stay, so that whoever forks them stays too."""
        with self._lock:
            if not self._anchored and not self.ending.is_set():
                self._anchored = True
                self._scenes.append(supervisor)
                return
        if self.ending.is_set():
            supervisor.close()
        else:
            supervisor.finish(keep=False)

    def close(self) -> None:
        """End everything that was started, by its id."""
        self.ending.set()
        for supervisor in self._scenes:
            supervisor.finish(keep=False)
        main = getattr(self, "_main", None)
        if main is not None:
            main.stop(list(main.status()["services"]))
            main.finish(keep=False)
