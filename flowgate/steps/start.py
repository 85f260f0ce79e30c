"""Start services, or a second generation beside the one that serves."""

from pathlib import Path
from typing import Literal

from flowgate.domain import Program, Service
from flowgate.errors import FlowGateError, PortInUse, raise_all
from flowgate.gateway import build
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps.download import require_executable

Name = Literal["all", "litellm", "cliproxyapi_plus"]


def start(context: StepContext, service: Name = "all", fresh: bool = False) -> Result | Change:
    """Start services that do not run what is rendered; a serving LiteLLM goes on serving beside the new one.

    Args:
        context: Tools and state of this run.
        service: Which one, or all in the order of their dependencies.
        fresh: Start a new generation also of what runs already.

    Returns:
        Started (list of services), generations (service → number).

    Raises:
        ProgramMissing: A variable that is not set.
        PortInUse: A variable that is not set.
        UsageError: A variable that is not set.
        FlowGateError: All before anything starts.
    """
    stack = context.stack()
    waves = [[n for n in wave if service in ("all", n)] for wave in build.start_order(stack)]
    chosen = [stack.services[name] for wave in waves for name in wave]
    keys_pending = bool(context.missing_keys())
    behind = [
        one for one in chosen if fresh or keys_pending or not context.supervisor.matches(context.with_environment(one))
    ]
    if not behind:
        return unchanged(f"{_names(chosen)} running already", started=[], generations=_generations(context, chosen))
    faults = [fault for one in behind for fault in _obstacles(context, one.program)]
    raise_all("starting", faults)
    names = [one.name for one in behind]

    replaced = [one.name for one in behind if one.program.app is None and context.supervisor.generation(one.name)]

    def apply(r: StepContext) -> Facts:
        numbers: dict[str, int] = {}
        for number, wave in enumerate(waves):
            programs = [r.with_environment(r.stack().services[name]) for name in wave if name in names]
            begun = [(program, r.supervisor.start(program, fresh=fresh)["generation"]) for program in programs]
            if number + 1 < len(waves):
                for program, generation in begun:
                    r.supervisor.wait(program.service, generation, program.ready_timeout)
            numbers |= {program.service: int(number) for program, number in begun}
        generations = _generations(r, chosen) | numbers
        message = ", ".join(f"{name} generation {numbers[name]}{_replaces(replaced, name)}" for name in names)
        return {"started": names, "generations": generations, "message": f"started {message}"}

    return change(f"start {_names(behind)}", apply, facts={"started": names, "generations": {}})


def _names(services: list[Service]) -> str:
    return " and ".join(one.name for one in services)


def _replaces(replaced: list[str], name: str) -> str:
    return " (a restart: it binds its own port)" if name in replaced else ""


def _generations(context: StepContext, services: list[Service]) -> dict[str, int]:
    found = {one.name: context.supervisor.generation(one.name) for one in services}
    return {name: int(generation["number"]) for name, generation in found.items() if generation}


def _obstacles(context: StepContext, program: Program) -> list[FlowGateError]:
    """Find what would keep a program from starting: its file, its port."""
    found: list[FlowGateError] = []
    try:
        if not _comes_with_the_download(context, Path(program.argv[0])):
            require_executable(context, Path(program.argv[0]), program.service)
    except FlowGateError as error:
        found.append(error)
    owner = context.port_owner(program.host, program.port)
    if owner is not None and not _is_ours(context, program, owner[0]):
        found.append(PortInUse(program.service, program.host, program.port, pid=owner[0], command=owner[1]))
    return found


def _comes_with_the_download(context: StepContext, path: Path) -> bool:
    """In check mode a runner that `download` would write is not there yet."""
    return not context.runtime.exists() and path.is_relative_to(context.runtime)


def _is_ours(context: StepContext, program: Program, pid: int | None) -> bool:
    """Say whether the port is held by the keeper (it lends it) or by a generation of this service."""
    status = context.supervisor.status()
    held = status["services"].get(program.service, {}).get("generations", ())
    at_port = any(g["port"] == program.port for g in held)
    return at_port and (pid is None or pid == status["supervisor"] or _is_in_tree(pid, [g.get("pid") for g in held]))


def _is_in_tree(pid: int, roots: list[int | None]) -> bool:
    from flowgate.system import processes

    return any(root is not None and pid in {one.pid for one in processes.tree_of(root)} for root in roots)
