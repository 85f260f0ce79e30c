"""What a step has within reach: one set of tools, in two strengths.

`reach.looking()` gives the weak set: reading files, the clock, the keeper and loopback answers works; writing,
starting, sleeping and any other question raises `StepContractError`. So a step cannot act while it looks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowgate.config.overlay import overlay
from flowgate.domain import Config, Program, Reference, Secret, Service, Sourced, Stack
from flowgate.errors import FlowGateError, StepContractError, UsageError, raise_all
from flowgate.gateway import account_inventory, build, cliproxy, install_record, litellm, upstream_version
from flowgate.supervisor.client import SupervisorClient
from flowgate.system import bytecode, files, locations, sockets
from flowgate.system.clock import Clock, stamp
from flowgate.system.http import Http

if TYPE_CHECKING:
    from flowgate.system.command import CommandResult

KEY_FILES = {
    litellm.MASTER_KEY: "litellm-master-key",
    cliproxy.UPSTREAM_KEY: "upstream-api-key",
    cliproxy.MANAGEMENT_KEY: "management-key",
}
INHERITED_VARIABLES = (
    *("PATH", "HOME", "LANG", "TZ", "LC_ALL", "TMPDIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"),
)

# What an app's imports need not see: a shell with another PATH is no reason to import everything anew.
UNSEEN = ("PATH", "TMPDIR")
WARMUP_RECORD = ".flowgate-rehearsed.json"


@dataclass(slots=True)
class RunState:
    """What this run has settled: the profile rendered last, the ports in use, and what people were warned of."""

    profile: Sourced[str]
    ports: dict[str, int] | None = None
    warned: set[str] = field(default_factory=set)


class ReadOnlySupervisor:
    """The keeper as a looking step may use it."""

    ALLOWED = ("status", "generation", "matches", "started")

    def __init__(self, supervisor: SupervisorClient) -> None:
        self._keeper = supervisor

    def __getattr__(self, name: str) -> Any:
        if name not in self.ALLOWED:
            raise StepContractError(f"a step used keeper.{name} while looking")
        return getattr(self._keeper, name)


class Files:
    """Files as a step uses them; the writing half refuses while looking."""

    def __init__(self, acting: bool) -> None:
        self._acting = acting

    def read(self, path: Path) -> str | None:
        """Give a file's text; None when it is absent."""
        return files.read_text_or_none(path)

    def listing(self, folder: Path, pattern: str) -> list[Path]:
        """List files of a folder, newest first."""
        return files.listing(folder, pattern)

    def tail(self, path: Path, lines: int) -> list[str]:
        """Give the last lines of a file."""
        return files.tail(path, lines)

    def is_there(self, path: Path) -> bool:
        """Say whether a file or a folder is there; a link that leads nowhere is not."""
        return files.is_there(path)

    def is_executable(self, path: Path) -> bool:
        """Say whether a file is there and can be run."""
        return files.is_executable(path)

    def write(self, path: Path, text: str, *, mode: int = 0o600, in_place: bool = False) -> bool:
        """Write a file whole; false when it said that already."""
        self._act(f"write {path}")
        write = files.write_in_place if in_place else files.write_atomic
        return write(path, text, mode=mode)

    def delete(self, paths: list[Path]) -> list[Path]:
        """Delete files; those that are gone already do not matter."""
        self._act(f"delete {len(paths)} files")
        return files.delete(paths)

    def make_folder(self, path: Path) -> None:
        """Make a folder that only its owner can enter."""
        self._act(f"make {path}")
        files.make_private_folder(path)

    def append(self, path: Path, line: str) -> bool:
        """Append one whole line; false when the disk refuses."""
        self._act(f"append to {path}")
        return files.append_line(path, line)

    def _act(self, what: str) -> None:
        if not self._acting:
            raise StepContractError(f"a step wanted to {what} while looking")


def _no_sleep(seconds: float) -> None:
    raise StepContractError(f"a step slept {seconds} s while looking")


def _no_listening(seconds: float) -> str:
    raise StepContractError("a step waited for a person where nobody is")


def _no_browsing(url: str) -> bool:
    raise StepContractError("a step opened a browser where nobody is")


@dataclass(frozen=True, slots=True)
class StepContext:
    """Everything a step may use.

    tell: says a sentence to people (a warning, a moved port)
    at_work: told what a long step is about just now; the last word takes the place of the one before

    Attributes:
        environment: The command's own environment variables.
        flags: What the order typed beside its playbook's variables ("live": a real question may cost money).
        progress: Told how far a long transfer is (its name, bytes done, bytes in all when known).
        listen: Waits so many seconds for a line that a person types; gives it, or an empty text.
        by: Who gave the order, for people ("switch-profile").
        browse: Opens an address in the person's browser; false where there is none.
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
    read_line: Callable[[float], str] = _no_listening
    open_browser: Callable[[str], bool] = _no_browsing
    requested_by: str = ""

    def read_only(self) -> StepContext:
        """Give the set that can only look."""
        supervisor = (
            self.supervisor if isinstance(self.supervisor, ReadOnlySupervisor) else ReadOnlySupervisor(self.supervisor)
        )
        weak = replace(self, acting=False, supervisor=supervisor, http=Http(read_only=True), files=Files(acting=False))
        weak = replace(weak, read_line=_no_listening, open_browser=_no_browsing)
        return replace(weak, clock=self.clock._replace(sleep=_no_sleep))

    # --- paths

    @property
    def runtime(self) -> Path:
        """The runtime folder."""
        return self.config.paths.runtime_dir

    @property
    def secrets_folder(self) -> Path:
        """Where keys lie, one file each."""
        return self.runtime.parent / "secrets"

    # --- the stack of this run

    def select_profile(self, profile: str) -> Stack:
        """Settle the profile of this run: what is started and asked from now on."""
        if profile != self.run_state.profile.value:
            stack = self.stack(Sourced(profile, "playbook"))
            self.run_state.profile = Sourced(profile, "playbook")
            return stack
        return self.stack()

    def stack(self, profile: Sourced[str] | None = None) -> Stack:
        """Build the stack of the settled profile, or of another one."""
        return build.build(self.config, profile or self.run_state.profile, self.build_inputs())

    def preflight(self) -> tuple[list[FlowGateError], list[str]]:
        """List what is wrong, and what is doubtful, between the two programs' files under the settled profile."""
        from flowgate.gateway import preflight

        profile = self.run_state.profile.value
        policy = build.compile_policy(self.config, profile, self.build_inputs())
        return preflight.faults(self.config, profile, policy), preflight.warnings(self.config, profile, policy)

    def build_inputs(self) -> build.BuildInputs:
        """Look up what a stack stands on, beside its config."""
        own = cliproxy.user_config(self.config)
        return build.BuildInputs(
            ports=self.ports(),
            upstream_key=self.key(cliproxy.UPSTREAM_KEY),
            upstream_text=self.files.read(own) if own else None,
            upstream_version=self.upstream_version(),
            accounts=account_inventory.count(self.files, cliproxy.auth_folder(self.config)),
        )

    def upstream_version(self) -> str:
        """Say which version of CLIProxyAPIPlus a start would run; empty when nobody knows."""
        return upstream_version.version(self.config, self.files.read(install_record.install_paths(self.config).lock))

    def ports(self) -> dict[str, int]:
        """Settle the ports: the config's; the embedded default stays where it runs, and moves to free ones."""
        if self.run_state.ports is None:
            ports = {name: settings.port for name, settings in self.config.services.items()}
            self.run_state.ports = {name: self._free(name) for name in ports} if self.config.embedded else ports
        return self.run_state.ports

    def _free(self, name: str) -> int:
        """Find a port for a service of the embedded default."""
        settings = self.config.services[name]
        running = self.supervisor.generation(name)
        if running is not None:
            return int(running["port"])
        if sockets.is_free(settings.host, settings.port):
            return settings.port
        port = sockets.free_port()
        self.emit(f"port {settings.port} is taken; {name} moves to {port}")
        return port

    def port_owner(self, host: str, port: int) -> tuple[int | None, str] | None:
        """Say who listens on a port: (pid, command); None when it is free."""
        return sockets.owner(host, port)

    # --- keys

    def key(self, variable: str) -> Secret | None:
        """Give the value of a variable: the command's environment, else a file under `.router/secrets`."""
        if self.environment.get(variable):
            return Secret(self.environment[variable])
        name = KEY_FILES.get(variable, variable.lower().replace("_", "-"))
        text = (self.files.read(self.secrets_folder / name) or "").strip()
        return Secret(text) if text else None

    def master_key(self) -> Secret | None:
        """Give the key that clients of LiteLLM show."""
        setting = litellm.master_key_setting(self.config, self.run_state.profile.value)
        reference = setting.startswith(litellm.PREFIX)
        return self.key(setting.removeprefix(litellm.PREFIX)) if reference else Secret(setting)

    def missing_keys(self) -> list[str]:
        """Name the keys of our own that have not been generated."""
        return [variable for variable in KEY_FILES if self.key(variable) is None]

    def generate_keys(self) -> list[str]:
        """Generate the keys of our own that are missing; give the names of their files."""
        made = []
        for variable in self.missing_keys():
            self.files.write(self.secrets_folder / KEY_FILES[variable], f"sk-{secrets.token_hex(24)}\n")
            made.append(KEY_FILES[variable])
        return made

    def with_environment(self, service: Service) -> Program:
        """Give a service's program with its whole environment.

        Raises:
            UsageError: Every variable that its document needs and nobody has set.
        """
        env = {name: Secret(self.environment[name]) for name in INHERITED_VARIABLES if name in self.environment}
        env |= service.program.env
        settings = self.config.services[service.name]
        env |= {name: Secret(value) for name, value in settings.env.items() if not value.startswith(litellm.PREFIX)}
        fork_server = service.program.fork_server
        if fork_server is not None:
            unseen = {*UNSEEN, *(service.program.env.keys() - fork_server.import_variables)}
            import_variables, module_cache = (
                tuple(sorted(env.keys() - unseen)),
                str(bytecode.site_packages() / WARMUP_RECORD),
            )
            fork_server = replace(
                fork_server,
                import_variables=import_variables,
                environment=bytecode.environment(),
                module_cache=module_cache,
            )
        raise_all(f"the environment of {service.name}", self.unset_variables(service))
        for need in service.needs:
            value = self.key(need.name)
            if value is not None:
                env[self._name_inside(service, need)] = value
        if service.name == cliproxy.NAME and (management := self.key(cliproxy.MANAGEMENT_KEY)):
            env["MANAGEMENT_PASSWORD"] = management
        labels = {**service.program.labels, "by": self.requested_by} if self.requested_by else service.program.labels
        return replace(service.program, env=env, fork_server=fork_server, labels=labels)

    def unset_variables(self, service: Service, pending: Collection[str] = ()) -> list[FlowGateError]:
        """Find the variables that a service's document needs and nobody has set.

        Args:
            pending: Those that this run will still generate.
        """
        faults: list[FlowGateError] = []
        for need in service.needs:
            if need.name not in pending and self.key(need.name) is None and not self._optional(service, need):
                file = self.secrets_folder / need.name.lower().replace("_", "-")
                fix = f"export {need.name}=…, or write it into {file}"
                faults.append(UsageError(f"the variable {need.name} is not set", place=need.place, fix=fix))
        return faults

    def _name_inside(self, service: Service, need: Reference) -> str:
        inside = need.path.rpartition(".")[2]
        return inside if need.path.startswith(f"services.{service.name}.env.") else need.name

    def _optional(self, service: Service, need: Reference) -> bool:
        if service.name != litellm.NAME:
            return False
        profile = self.config.profiles[self.run_state.profile.value]
        tree = overlay(self.config.litellm_base, profile)
        if not litellm.optional(self.config, tree, need):
            return False
        if need.place not in self.run_state.warned:
            self.run_state.warned.add(need.place)
            self.emit(f"warning: the variable {need.name} is not set ({need.place}); its model will not answer")
        return True

    # --- writing down, running

    def here(self, path: Path) -> Path:
        """Give a path as the command line means it: relative to the current folder."""
        return path.absolute()

    def run(self, argv: Sequence[str], *, cwd: Path, env: Mapping[str, str], stdin: str | None = None) -> CommandResult:
        """Run a command to its end, with the command line's own environment and `env` over it."""
        if not self.acting:
            raise StepContractError(f"a step wanted to run {argv[0]} while looking")
        from flowgate.system import command

        return command.run(argv, cwd=cwd, env={**self.environment, **env}, stdin=stdin)

    def event(self, event: str, **fields: str) -> None:
        """Append one event to the event log; a full disk loses it and stops nothing."""
        import json

        empty = dict.fromkeys(("service", "profile", "provider", "result", "detail"), "")
        line = {"event": event, **empty, **fields, "timestamp": stamp(self.clock.wall())}
        self.files.append(self.runtime / "events.log", json.dumps(line, ensure_ascii=False))

    def python(self) -> Path:
        """Give the interpreter of the locked environment."""
        return locations.python()

    def compiled(self) -> bool:
        """Say whether the environment's bytecode has been written."""
        return bytecode.is_compiled()

    def compile_environment(self) -> bool:
        """Write the bytecode of the environment; gives whether that could be recorded."""
        if not self.acting:
            raise StepContractError("a step compiled the environment while looking")
        return bytecode.compile_environment()
