"""The private stack of a rehearsal: fake vendors, and for each scenario its own CLIProxyAPIPlus and LiteLLM."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from flowgate.domain import Program, Secret
from flowgate.errors import FlowGateError, NotReady
from flowgate.gateway import cliproxy, litellm_in_force, litellm_runner
from flowgate.gateway.environment import INHERITED_VARIABLES
from flowgate.rehearsal import private_redis
from flowgate.rehearsal.config import LOOPBACK, ScenarioEnvironment, vendor_model, vendor_program
from flowgate.rehearsal.config import programs as gateway_programs
from flowgate.rehearsal.fake_vendors import FakeVendors
from flowgate.rehearsal.observation import Attempt
from flowgate.rehearsal.plan import Plan
from flowgate.rehearsal.scenarios import Scenario
from flowgate.step import StepContext
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import sockets
from flowgate.system.blockable_proxy import BlockableProxy

LOG_LINES = 12
# Without a proxy, no request of a rehearsal leaves this machine.
PRIVATE_VARIABLES = [name for name in INHERITED_VARIABLES if name != "HOME" and "proxy" not in name.lower()]


@dataclass(frozen=True)
class ScenarioStack:
    """The running programs of one scenario.

    Attributes:
        url: Base URL of LiteLLM.
        headers: Headers of every request.
        proxy: Forwards to the vendors, and refuses connections during the fault; None if not needed.
        pid: LiteLLM's process.
        others: Base URLs of the further gateways.
    """

    scenario: Scenario
    url: str
    headers: Mapping[str, str | Secret]
    vendors: FakeVendors
    proxy: BlockableProxy | None
    pid: int = 0
    others: tuple[str, ...] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Return the base URLs of all gateways."""
        return (self.url, *self.others)

    def start_fault(self) -> None:
        """Start the faults of the scenario."""
        self.vendors.set_faults(self.scenario)
        if self.proxy:
            self.proxy.block()

    def attempts(self, since: float) -> list[Attempt]:
        """Return all attempts since a time, including refused connections, in the order of arrival.

        Args:
            since: Seconds since 1970. The attempts' times count from it.
        """
        found = self.vendors.attempts(self.scenario, since)
        if self.proxy:
            role = next(role for role, fault in self.scenario.faults.items() if fault.refuses)
            found += [Attempt(at - since, role, True) for at in self.proxy.blocked_at if at >= since]
        return sorted(found, key=lambda attempt: attempt.at)


class PrivateStack:
    """All programs of one profile's rehearsal. `close` ends every one of them.

    Attributes:
        plan: The plan of the rehearsal.
        uses_embedded: The embedded upstream runs in place of CLIProxyAPIPlus, because none is installed.
    """

    def __init__(
        self, context: StepContext, plan: Plan, folder: Path, vendor_proxy: Callable[[str], str] | None = None
    ) -> None:
        """Prepare a stack; nothing runs yet.

        Args:
            context: Tools of this run.
            plan: The plan.
            folder: Folder for all files.
            vendor_proxy: Maps the fake vendors' URL to the one that the programs get, for a proxy in between.
        """
        self.plan = plan
        self._context, self._vendor_proxy = context, vendor_proxy
        self._runtime = folder / "runtime"
        self._embedded = self._runtime / "bin" / cliproxy.EMBEDDED
        self._litellm = self._runtime / "bin" / "litellm"
        inherited = {name: context.environment[name] for name in PRIVATE_VARIABLES if name in context.environment}
        self._variables = {name: Secret(value) for name, value in {**inherited, "HOME": str(folder)}.items()}
        config = context.config
        self._upstream = config.services.get(cliproxy.NAME)
        self._installed = cliproxy.binary(config) if self._upstream else self._embedded
        self.uses_embedded = cliproxy.is_embedded(config) or not context.files.is_executable(self._installed)
        self._vendors_url = ""
        self._supervisor = self._connect()
        self._fork_server_owner: SupervisorClient | None = None
        self._lock = threading.Lock()
        self._closing = threading.Event()

    def open(self, scenarios: list[Scenario]) -> None:
        """Start the fake vendors.

        Args:
            scenarios: All scenarios that will run; each gets models of its own.
        """
        write = self._context.files.write
        write(self._litellm, litellm_runner.runner(self._context.litellm().python), mode=0o700)
        write(self._embedded, cliproxy.embedded_runner(self._context.python()), mode=0o700)
        roles = self.plan.roles
        models = [vendor_model(scenario.name, model) for scenario in scenarios for model in roles.by_model]
        port = sockets.free_ports(1)[0]
        self._run(self._supervisor, [vendor_program(self._runtime, self._embedded, port, models, self._variables)])
        url = f"http://{LOOPBACK}:{port}"
        self._vendors = FakeVendors(self._context.http, url, roles, self.plan.scale)
        self._vendors_url = self._vendor_proxy(url) if self._vendor_proxy else url

    @contextmanager
    def scenario(self, scenario: Scenario) -> Iterator[ScenarioStack]:
        """Run the programs of one scenario, without its faults. They end with the context.

        Raises:
            NotReady: A program did not start.
        """
        with ExitStack() as stack:
            proxy = None
            if any(fault.refuses for fault in scenario.faults.values()):
                proxy = BlockableProxy(int(self._vendors_url.rpartition(":")[2]))
                stack.callback(proxy.close)
            supervisor = self._connect()
            stack.callback(self._leave, supervisor)
            made = self.programs(scenario, proxy)
            for path, text in [document for program in made for document in program.documents]:
                self._context.files.write(path, text)
            self._run(supervisor, made)
            served = [self._served(supervisor, program.service) for program in made if program.app]
            self._vendors.clear_faults(scenario)  # set if this is a repetition
            headers: dict[str, str | Secret] = {"Authorization": self.plan.key.bearer()}
            (url, pid), others = served[0], tuple(one for one, _ in served[1:])
            yield ScenarioStack(scenario, url, headers, self._vendors, proxy, pid, others)

    def _connect(self) -> SupervisorClient:
        return SupervisorClient(self._runtime, self._runtime / "supervisor.log")

    def programs(self, scenario: Scenario, proxy: BlockableProxy | None) -> list[Program]:
        """Describe the programs of all gateways of a scenario; their Redis server comes first.

        Args:
            scenario: The scenario.
            proxy: Forwards to the vendors, and refuses connections during the fault; None if not needed.
        """
        plan, found, redis_port = self.plan, list[Program](), 0
        if plan.redis:
            redis_port = sockets.free_ports(1)[0]
            found.append(private_redis.program(self._runtime, plan.redis, redis_port, scenario.name, self._variables))
        for number in range(1, plan.gateways + 1):
            environment = replace(self._environment(scenario, proxy), number=number, redis_port=redis_port)
            if number > 1:
                environment = replace(environment, folder=self._runtime / f"{scenario.name}-{number}")
            found += gateway_programs(plan, scenario, environment)
        return [litellm_in_force.with_imports(one, self._context.litellm()) for one in found]

    def _environment(self, scenario: Scenario, proxy: BlockableProxy | None) -> ScenarioEnvironment:
        litellm_port, upstream_port = sockets.free_ports(2)
        installed_args = self._upstream.args[1:] if self._upstream else ()
        return ScenarioEnvironment(
            folder=self._runtime / scenario.name,
            litellm_program=self._litellm,
            upstream_program=self._embedded if self.uses_embedded else self._installed,
            upstream_args=() if self.uses_embedded else installed_args,
            variables=self._variables,
            litellm_port=litellm_port,
            upstream_port=upstream_port,
            vendors_url=self._vendors_url,
            refusing_url=f"http://{LOOPBACK}:{proxy.port}" if proxy else self._vendors_url,
        )

    def _run(self, supervisor: SupervisorClient, started: list[Program]) -> None:
        """Start programs, and wait until all are ready."""
        numbers = [int(supervisor.start(program, fresh=True)["generation"]) for program in started]
        for program, number in zip(started, numbers, strict=True):
            try:
                supervisor.wait(program.service, number, program.ready_timeout)
            except FlowGateError as error:
                lines = self._context.files.tail(program.log, LOG_LINES)
                raise NotReady(f"in the rehearsal, {error.what}", fix=error.fix, log=lines) from None

    def _served(self, supervisor: SupervisorClient, service: str) -> tuple[str, int]:
        """Return the base URL and the pid of a program that was started."""
        last = supervisor.chosen(service)
        if last is None:
            raise NotReady(f"in the rehearsal, {service} ended unexpectedly")
        is_alone = last.get("wanted_workers", 1) == 1  # several are reached together at the public address only
        host, port = (last.get("private_address") if is_alone else None) or (last["host"], last["port"])
        return f"http://{host}:{port}", int(last.get("pid") or 0)

    def _leave(self, supervisor: SupervisorClient) -> None:
        """Stop the programs of a scenario; those of the first one continue, because the fork server runs with them."""
        with self._lock:
            if self._fork_server_owner is None and not self._closing.is_set():
                self._fork_server_owner = supervisor
                return
        if self._closing.is_set():
            supervisor.close()
        else:
            supervisor.finish(keep=False)

    def close(self) -> None:
        """Stop everything."""
        self._closing.set()
        if self._fork_server_owner:
            self._fork_server_owner.finish(keep=False)
        self._supervisor.stop(list(self._supervisor.status()["services"]))
        self._supervisor.finish(keep=False)
