"""Start services, or a new generation beside the one that serves."""

from pathlib import Path
from typing import Literal

from flowgate.domain import Program, Service, Stack
from flowgate.errors import EnvironmentFailure, FlowGateError, PortInUse, raise_all
from flowgate.gateway import build, cliproxy, litellm_environments, proxy_exceptions, southbound
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps._replaced_program import RESTART, replaced_program
from flowgate.steps.download import pending_installation, require_executable, runners
from flowgate.supervisor import other_gateways
from flowgate.supervisor.reader import pids
from flowgate.system import host_claims, installed, processes

Name = Literal["all", "litellm", "cliproxyapi_plus"]


def start(context: StepContext, service: Name = "all", fresh: bool = False) -> Result | Change:
    """Start services that do not run the rendered config; a serving LiteLLM continues beside the new generation.

    A service does not start alone: what it depends on, and does not run, is started first and waited for.

    Args:
        context: Tools and state of this run.
        service: A service, or all in the order of their dependencies.
        fresh: Start a new generation even if the config is unchanged.

    Returns:
        `started` (list of services), `generations` (service → number).

    Raises:
        ProgramMissing: A program is missing or not executable.
        PortInUse: Another program uses a port.
        UsageError: A variable is not set, or the gateway has no such service.
    """
    southbound.require_service(context.config, service)
    stack = context.stack()
    order = _order(context, stack, service)
    chosen = [stack.services[name] for group in order for name in group]
    outdated = _outdated(context, chosen, fresh)
    if not outdated:
        running = f"already running: {', '.join(one.name for one in chosen)}"
        message = "; ".join([running, *_replaced(context, chosen)])
        return unchanged(message, started=[], generations=_generations(context, chosen))
    raise_all("starting", [error for one in outdated for error in _obstacles(context, one.program)])
    names = [one.name for one in outdated]
    restarted = [one.name for one in outdated if one.program.app is None and context.supervisor.generation(one.name)]

    def apply(acting: StepContext) -> Facts:
        numbers = _start_in_order(acting, [[name for name in group if name in names] for group in order], fresh)
        started = [f"{name} generation {number}{_note(restarted, name)}" for name, number in numbers.items()]
        generations = _generations(acting, chosen) | numbers
        left = [one for one in chosen if one.name not in names]
        message = "; ".join([f"started {', '.join(started)}", *_replaced(acting, left)])
        return {"started": names, "generations": generations, "message": message}

    return change(f"start {' and '.join(names)}", apply, facts={"started": names, "generations": {}})


def _order(context: StepContext, stack: Stack, service: str) -> list[list[str]]:
    """Return groups of services in the order in which they start: first what the chosen one needs and does not run."""
    order = build.start_order(stack)
    if service == "all":
        return order
    needed, pending = set[str](), [service]
    while pending:
        one = stack.services[pending.pop()]
        more = {*one.after, *one.program.hold_while_down} - needed - {service}
        needed |= more
        pending += more
    down = [name for group in order for name in group if name in needed and not context.supervisor.generation(name)]
    return [*([name] for name in down), [service]]


def _outdated(context: StepContext, services: list[Service], fresh: bool) -> list[Service]:
    """Return the services that do not run, or run another config."""
    if fresh or context.missing_keys():
        return services
    return [one for one in services if not context.supervisor.matches(context.with_environment(one))]


def _start_in_order(context: StepContext, order: list[list[str]], fresh: bool) -> dict[str, int]:
    """Start each group once the previous one is ready; return the generation numbers."""
    numbers: dict[str, int] = {}
    for index, group in enumerate(order):
        programs = [context.with_environment(context.stack().services[name]) for name in group]
        started = [(program, context.supervisor.start(program, fresh=fresh)["generation"]) for program in programs]
        if index + 1 < len(order):
            for program, number in started:
                context.supervisor.wait(program.service, number, program.ready_timeout)
        numbers |= {program.service: number for program, number in started}
    return numbers


def _replaced(context: StepContext, running: list[Service]) -> list[str]:
    """Say which of the services that go on running do so from a program that has been replaced."""
    said = replaced_program(context) if any(one.name == cliproxy.NAME for one in running) else ""
    return [f"{said}; a restart starts it: {RESTART}"] if said else []


def _note(restarted: list[str], name: str) -> str:
    return " (restarted, because it binds its own port)" if name in restarted else ""


def _generations(context: StepContext, services: list[Service]) -> dict[str, int]:
    found = {one.name: context.supervisor.generation(one.name) for one in services}
    return {name: generation["number"] for name, generation in found.items() if generation}


def _obstacles(context: StepContext, program: Program) -> list[FlowGateError]:
    """Return the reasons why a program could not start: its file, its port."""
    errors: list[FlowGateError] = []
    try:
        path = Path(program.argv[0])
        if not _written_by_download(context, path) and pending_installation(context, path) is None:
            require_executable(context, Path(program.argv[0]), program.service)
    except FlowGateError as error:
        errors.append(error)
    if program.app is not None:
        env = {**context.environment, **context.config.services[program.service].env}
        errors += proxy_exceptions.faults(env, installed.is_importable(proxy_exceptions.SOCKS))
    errors += _claimed_elsewhere(context, program)
    owner = context.port_owner(program.host, program.port)
    if owner is not None and not _is_own(context, program, owner[0]):
        pid, command = owner
        other = other_gateways.config_of(pid)
        errors.append(PortInUse(program.service, program.host, program.port, pid=pid, command=command, gateway=other))
    return errors


def _claimed_elsewhere(context: StepContext, program: Program) -> list[FlowGateError]:
    """Return an error for each folder that another host, or another gateway of this one, uses now."""
    own = host_claims.own_claim(context.runtime)
    found: list[FlowGateError] = []
    for folder in program.claimed_folders:
        if other := host_claims.other_holder(folder, own):
            what = f"the accounts in {folder} are in use by {other.host} ({other.user})"
            fix = "stop it there, or name that one here: services.cliproxyapi_plus.remote"
            found.append(EnvironmentFailure(what, fix=fix, place=context.config.place("paths.runtime_dir")))
    return found


def _written_by_download(context: StepContext, path: Path) -> bool:
    """Return whether an earlier step will write the file: in check mode it does not exist yet."""
    if path.parent == litellm_environments.folder(context.config) / context.litellm().name:
        return not context.litellm().bundled
    return not path.parent.exists() and (path.is_relative_to(context.runtime) or path in runners(context))


def _is_own(context: StepContext, program: Program, pid: int | None) -> bool:
    """Return whether the supervisor, or a generation of this service, listens on the port."""
    status = context.supervisor.status()
    generations = status["services"].get(program.service, {}).get("generations", ())
    if not any(generation["port"] == program.port for generation in generations):
        return False
    roots = [one for generation in generations for one in pids(generation)]
    return pid is None or pid == status["supervisor"] or _is_in_tree(pid, roots)


def _is_in_tree(pid: int, roots: list[int]) -> bool:
    return any(pid in {one.pid for one in processes.tree_of(root)} for root in roots)
