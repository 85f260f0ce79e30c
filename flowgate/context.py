"""The tools that a step uses, in two strengths.

`context.read_only()` returns the weaker set: it reads files, the clock, the supervisor and loopback HTTP. Writing,
starting, sleeping and every other request raise `StepContractError`, so a step cannot act while it looks.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from flowgate.config.overlay import overlay
from flowgate.domain import Config, LiteLLMEnvironment, Program, Reference, RunState, Secret, Service, Sourced, Stack
from flowgate.errors import FlowGateError, StepContractError, raise_all
from flowgate.gateway import account_inventory, build, cliproxy, install_record, litellm, litellm_in_force, own_modules
from flowgate.gateway import upstream_version as version_of_upstream
from flowgate.gateway.environment import Variables
from flowgate.gateway.litellm_environments import LABEL, EnvironmentRecord
from flowgate.gateway.private_ca import bundle
from flowgate.gateway.proxy_exceptions import plain_without_proxy
from flowgate.supervisor import free_ports
from flowgate.supervisor.client import SupervisorClient
from flowgate.supervisor.read_only import ReadOnlySupervisor
from flowgate.system import bytecode, command, installed, locations, sockets
from flowgate.system.clock import Clock, stamp
from flowgate.system.file_access import Files
from flowgate.system.http import Http

__all__ = ["Files", "ReadOnlySupervisor", "RunState", "StepContext"]


def _no_sleep(seconds: float) -> None:
    raise StepContractError(f"a step slept {seconds} s in its read-only phase")


def _no_input(seconds: float) -> str:
    raise StepContractError("a step waited for input without a terminal")


def _no_browser(url: str) -> bool:
    raise StepContractError("a step opened a browser without a terminal")


@dataclass(frozen=True, slots=True)
class StepContext:
    """The tools and the state of a run.

    Attributes:
        config: The config in use.
        run_state: What this run has decided so far.
        supervisor: The supervisor of the runtime folder.
        http: HTTP client.
        clock: Time, and sleeping.
        files: Access to files.
        environment: The command's own environment variables.
        emit: Shows a message to the user (a warning, a changed port).
        acting: Whether the step may act.
        flags: Options of the command beside the playbook's variables ("live": a smoke test may cost money).
        progress: Shows the progress of a download (its name, bytes done, bytes in total or None).
        set_activity: Shows what a long step does now; replaces the previous text.
        read_line: Waits up to so many seconds for a line of input; returns it, or an empty text.
        open_browser: Opens a URL in the user's browser; returns whether it could.
        mask: Hides secrets in the event log.
        without_lock: Lets other commands change the runtime folder while the body waits for a person.
        requested_by: Name of the playbook or command that started this run ("switch-profile").
    """

    config: Config
    run_state: RunState
    supervisor: SupervisorClient | ReadOnlySupervisor
    http: Http
    clock: Clock
    files: Files
    environment: Mapping[str, str]
    emit: Callable[[str], None]
    acting: bool = True
    flags: Mapping[str, bool] = field(default_factory=dict)
    progress: Callable[[str, int, int | None], None] = lambda name, done, total: None
    set_activity: Callable[[str], None] = lambda words: None
    read_line: Callable[[float], str] = _no_input
    open_browser: Callable[[str], bool] = _no_browser
    mask: Callable[[str], str] = str
    without_lock: Callable[[], AbstractContextManager[None]] = nullcontext
    requested_by: str = ""

    def read_only(self) -> StepContext:
        """Return a context that cannot act."""
        supervisor = self.supervisor
        return replace(
            self,
            acting=False,
            supervisor=supervisor if isinstance(supervisor, ReadOnlySupervisor) else ReadOnlySupervisor(supervisor),
            http=self.http.reading(),
            files=Files(acting=False),
            clock=self.clock._replace(sleep=_no_sleep),
            read_line=_no_input,
            open_browser=_no_browser,
        )

    @property
    def runtime(self) -> Path:
        """The runtime folder."""
        return self.config.paths.runtime_dir

    # --- profile and services

    def select_profile(self, profile: str) -> Stack:
        """Set the profile of this run, and build its stack."""
        if profile != self.run_state.profile.value:
            chosen = Sourced(profile, "playbook")
            stack = self.stack(chosen)
            self.run_state.profile = chosen
            return stack
        return self.stack()

    def stack(self, profile: Sourced[str] | None = None) -> Stack:
        """Build the stack of the run's profile, or of another one."""
        return build.build(self.config, profile or self.run_state.profile, self.build_inputs())

    def build_inputs(self) -> build.BuildInputs:
        """Collect what building a stack needs beside the config."""
        return build.BuildInputs(
            ports=self.ports(),
            upstream_key=self.key(cliproxy.UPSTREAM_KEY),
            upstream_text=cliproxy.own_text(self.config, self.files.read),
            unnamed_config=cliproxy.unnamed_config(self.config, self.files.read),
            upstream_version=self.upstream_version(),
            accounts=account_inventory.count(self.files, cliproxy.auth_folder(self.config)),
            modules=own_modules.find(self.config, self.files.read, installed.is_importable),
            variables=self.variables.of_settings(self.config),
            certificates=bundle(self.config, self.environment, self.files.read),
            litellm=self.litellm(),
            declared=litellm_in_force.declarations(self.litellm()),
        )

    def litellm_record(self) -> EnvironmentRecord:
        """Return which environment of LiteLLM is in force, and which one was before."""
        serving = partial(self.supervisor.serving_label, litellm.NAME, LABEL)
        return litellm_in_force.record(self.config, self.files.read, serving)

    def litellm(self) -> LiteLLMEnvironment:
        """Return the environment from which this run starts LiteLLM: the one in force, or one that it tries."""
        if self.run_state.litellm is None:
            name = self.litellm_record().in_force
            self.run_state.litellm = litellm_in_force.required(self.config, self.files.read, name)
        return self.run_state.litellm

    def upstream_version(self) -> str:
        """Return the version of CLIProxyAPIPlus that a start would run; empty if not known."""
        return version_of_upstream.version(self.config, self.files.read(install_record.install_paths(self.config).lock))

    def ports(self) -> dict[str, int]:
        """Return each service's port; the embedded default uses a free port where the config's is taken."""
        if self.run_state.ports is None:
            self.run_state.ports = free_ports.choose(self.config, self.supervisor.generation, self.emit)
        return self.run_state.ports

    def port_owner(self, host: str, port: int) -> tuple[int | None, str] | None:
        """Return pid and command of the process that listens on a port; None if the port is free."""
        return sockets.owner(host, port)

    @property
    def variables(self) -> Variables:
        """Values of variables, from the environment or from files."""
        return Variables(self.environment, self.runtime.parent / "secrets", self.files.read)

    def key(self, variable: str) -> Secret | None:
        """Return the value of a variable: from the command's environment, else from a file under `.router/secrets`."""
        return self.variables.get(variable)

    def master_key(self) -> Secret | None:
        """Return the key that clients send to LiteLLM."""
        setting = litellm.master_key_setting(self.config, self.run_state.profile.value)
        return self.key(setting.removeprefix(litellm.PREFIX)) if setting.startswith(litellm.PREFIX) else Secret(setting)

    def missing_keys(self) -> list[str]:
        """List FlowGate's own keys that have not been generated."""
        return self.variables.missing_keys(self.config)

    def generate_keys(self) -> None:
        """Generate FlowGate's own keys that are missing."""
        for name in self.missing_keys():
            self.files.write(self.variables.file(name), f"sk-{secrets.token_hex(24)}\n")

    def with_environment(self, service: Service) -> Program:
        """Return a service's program with its whole environment; raise an error if a variable is not set."""
        raise_all(f"the environment of {service.name}", self.unset_variables(service, (), self.run_state.profile.value))
        program = self.variables.for_program(service, self.config.services[service.name])
        labels = {**program.labels, "by": self.requested_by} if self.requested_by else program.labels
        return replace(litellm_in_force.with_imports(program, self.litellm()), labels=labels)

    def unset_variables(self, service: Service, pending: Collection[str], profile: str) -> list[FlowGateError]:
        """Return an error for each variable that a service needs and that is neither set nor generated later."""
        needs = [need for need in service.needs if need.name not in pending and self.key(need.name) is None]
        return [self.variables.unset_error(need) for need in needs if not self._is_optional(service, need, profile)]

    def _is_optional(self, service: Service, need: Reference, profile: str) -> bool:
        """Return whether LiteLLM can run without a variable, and warn about it once."""
        tree = overlay(self.config.litellm_base, self.config.profiles[profile])
        if service.name != litellm.NAME or not litellm.optional(self.config, tree, need):
            return False
        if need.place not in self.run_state.warned:
            self.run_state.warned.add(need.place)
            self.emit(f"warning: the variable {need.name} is not set ({need.place}); its model does not work")
        return True

    def run(
        self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str | None = None
    ) -> command.CommandResult:
        """Run a command to its end, in the command line's own environment extended by `env`."""
        if not self.acting:
            raise StepContractError(f"a step tried to run {argv[0]} in its read-only phase")
        return command.run(argv, cwd=cwd, env=plain_without_proxy({**self.environment, **env}), stdin=stdin)

    def event(self, event: str, **fields: str) -> None:
        """Append an event to the event log; a full disk loses the event and stops nothing."""
        shown = dict.fromkeys(("service", "profile", "provider", "result", "detail"), "")
        shown |= {name: self.mask(value) for name, value in fields.items()}
        line = {"event": event, **shown, "timestamp": stamp(self.clock.wall())}
        self.files.append(self.runtime / "events.log", json.dumps(line, ensure_ascii=False))

    def python(self) -> Path:
        """Return the Python interpreter of the locked environment."""
        return locations.python()

    def compiled(self) -> bytecode.State:
        """Return whether the environment is to be compiled, and where that is not possible."""
        return bytecode.state()

    def compile_environment(self) -> bool:
        """Write the bytecode of the environment; return whether that could be recorded."""
        if not self.acting:
            raise StepContractError("a step compiled the environment in its read-only phase")
        return bytecode.compile_environment()
