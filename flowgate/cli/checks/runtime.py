"""Checks of what the services need to run: their programs, LiteLLM, compiled bytecode, ports and variables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from flowgate.cli.checks.finding import Finding, error_findings
from flowgate.cli.session import Session
from flowgate.context import Files, RunState, StepContext
from flowgate.domain import LiteLLMEnvironment
from flowgate.errors import PortInUse
from flowgate.gateway import (
    blocked_versions,
    cliproxy,
    download_source,
    install_record,
    litellm,
    litellm_runner,
    proxy_exceptions,
    release_assets,
    remote_probe,
    southbound,
)
from flowgate.supervisor import other_gateways
from flowgate.supervisor.reader import pids
from flowgate.system import bytecode, files, installed, locations, processes, sockets
from flowgate.system.clock import Clock
from flowgate.system.missing_package import install_command

if TYPE_CHECKING:
    from flowgate.supervisor.status_document import StatusDocument

DOWNLOAD = "inv bootstrap.download"
UP = "inv up"


def read_only_context(session: Session, messages: list[str]) -> StepContext:
    """Return a context that reads files, the supervisor and loopback HTTP, and refuses to change anything.

    Args:
        session: The session of this command.
        messages: Receives what a step would print.
    """
    return StepContext(
        config=session.config,
        run_state=RunState(session.profile()),
        supervisor=session.supervisor,
        http=remote_probe.client(session.config, read_only=True),
        clock=Clock(),
        files=Files(acting=False),
        environment=session.environment,
        emit=messages.append,
    ).read_only()


# --- programs


def binaries(session: Session) -> Iterator[Finding]:
    """Check that the programs exist, can be executed, and have not changed since they were installed."""
    context = read_only_context(session, [])
    for name, service in context.stack().services.items():
        path = Path(service.program.argv[0])
        runner = _runner(session, path, context.litellm())
        if files.is_executable(path):
            yield _check_runner(name, path, runner) if runner else _check_installed(name, path)
        elif path.exists():
            yield Finding("binaries", "fail", f"{path} cannot be executed", f"chmod u+x {quote(str(path))}")
        elif runner:
            yield Finding("binaries", "warn", f"{path} does not exist yet; `inv up` writes it", UP)
        else:
            implied = southbound.not_installed(session.config, str(path)) if name == cliproxy.NAME else None
            if implied:
                yield from error_findings("binaries", implied)
                continue
            ours = path.parent == session.config.paths.runtime_dir / "bin"
            fix = download_source.install_fix(session.config) if ours else f"ls -l {quote(str(path))}"
            yield Finding("binaries", "fail", f"the program of {name} does not exist: {path}", fix)


def _runner(session: Session, path: Path, environment: LiteLLMEnvironment) -> str:
    """Return the script that belongs at a path; empty if FlowGate writes none there."""
    if path == litellm_runner.runner_path(session.config, environment):
        return litellm_runner.runner(environment.python)
    if cliproxy.is_embedded(session.config) and path == cliproxy.binary(session.config):
        return cliproxy.embedded_runner(locations.python())
    return ""


def _check_runner(name: str, path: Path, text: str) -> Finding:
    if files.read_text_or_none(path) == text:
        return Finding("binaries", "pass", f"{name} runs from this environment ({path})")
    return Finding("binaries", "warn", f"{path} was written for another environment; `inv up` replaces it", UP)


def _check_installed(name: str, path: Path) -> Finding:
    """Compare a program with the record that its installation wrote beside it."""
    lock = path.with_name(f"{path.name}.lock")
    text = files.read_text_or_none(lock)
    if text is None:
        if name != cliproxy.NAME or path.name != release_assets.PROGRAM:
            return Finding("binaries", "pass", f"{path} can be executed")
        message = f"{path} can be executed, but its origin is not recorded"
        return Finding("binaries", "warn", message, f"{DOWNLOAD} --from-file ARCHIVE")
    record = install_record.read(text)
    if record is None:
        return Finding("binaries", "fail", f"{lock} is damaged", DOWNLOAD)
    if record.binary_sha256 != files.file_digest(path):
        message = f"{path} has changed since it was installed: its digest differs from the one in {lock.name}"
        return Finding("binaries", "fail", message, DOWNLOAD)
    if record.level == "none":
        return Finding("binaries", "warn", f"{path} ({record.version}) was installed without a checksum", DOWNLOAD)
    message = f"{path} ({record.version}) is unchanged since it was installed (verified by: {record.level})"
    return Finding("binaries", "pass", message)


def litellm_release() -> Iterator[Finding]:
    """Check that LiteLLM is installed, is the locked version, and that neither is a blocked version."""
    root = locations.checkout()
    install = install_command("runtime", "litellm")
    version = installed.version("litellm")
    locked = installed.locked(root, "litellm") if root else None
    if version is None or not installed.is_importable("litellm"):
        yield Finding("litellm", "fail", "LiteLLM is not installed in this environment", install)
    elif blocked_versions.reason(version):
        message = f"LiteLLM {version} is installed and {blocked_versions.reason(version)}"
        yield Finding("litellm", "fail", f"{message}; also replace every key that it has used", install)
    elif locked and not blocked_versions.reason(locked) and locked != version:
        yield Finding("litellm", "warn", f"LiteLLM {version} is installed, but uv.lock has {locked}", install)
    else:
        yield Finding("litellm", "pass", f"LiteLLM {version} is installed")
    if locked and blocked_versions.reason(locked):
        message = f"uv.lock has LiteLLM {locked}, which {blocked_versions.reason(locked)}"
        yield Finding("litellm", "fail", message, "uv lock --upgrade-package litellm && uv sync")


def environment_bytecode() -> Iterator[Finding]:
    """Check that the environment is compiled; LiteLLM takes twice as long to start otherwise."""
    state = bytecode.state()
    if state.slow_at is not None:
        message = f"the environment is not compiled, and {state.slow_at} cannot be written: LiteLLM starts slower"
        fix = f"let its owner compile it: python -m compileall -q -j 0 {state.slow_at}"
        yield Finding("environment", "warn", message, fix)
    elif not state.is_pending:
        yield Finding("environment", "pass", "the environment is compiled")
    else:
        yield Finding("environment", "warn", "the environment is not compiled yet; `inv up` compiles it once", UP)


# --- ports and variables


def ports(session: Session) -> Iterator[Finding]:
    """Check that each port is free or in use by its service."""
    status = session.supervisor.status()
    ours = our_processes(status)
    for name, settings in session.config.services.items():
        port = _serving_port(status, name) or settings.port
        owner = sockets.owner(settings.host, port)
        address = f"{settings.host}:{port}"
        if owner is None:
            yield Finding("ports", "pass", f"port {address} is free for {name}")
        elif owner[0] in ours:
            yield Finding("ports", "pass", f"port {address} is in use by {name}")
        else:
            yield _taken(session, name, port, owner)


def _taken(session: Session, name: str, port: int, owner: sockets.Owner) -> Finding:
    pid, command = owner
    settings = session.config.services[name]
    other = other_gateways.config_of(pid)
    error = PortInUse(name, settings.host, port, pid=pid, command=command, gateway=other)
    message, fix = error.what, f"kill {pid}" if pid else f"sudo lsof -nP -iTCP:{port} -sTCP:LISTEN"
    fix = error.fix if other else fix
    if session.config.embedded:
        return Finding("ports", "warn", f"{message}; the embedded default uses a free port instead", fix)
    return Finding("ports", "fail", message, fix)


def _serving_port(status: StatusDocument, name: str) -> int | None:
    generations = status["services"].get(name, {}).get("generations", ())
    return next((int(one["port"]) for one in reversed(generations) if one.get("phase") == "serving"), None)


def our_processes(status: StatusDocument) -> dict[int, str]:
    """Return each process of the gateway: its pid and the name of its service, or "the supervisor".

    Args:
        status: The supervisor's status.
    """
    found = {int(status["supervisor"]): "the supervisor"} if status["supervisor"] else {}
    for name, service in status["services"].items():
        roots = [pid for one in service.get("generations", ()) for pid in pids(one)]
        found |= {one.pid: name for root in roots for one in processes.tree_of(int(root))}
    return found


def _unset(message: str, fix: str, detail: str) -> Finding:
    """Return the finding for a variable that is not set; the command lasts as long as its shell, a file lasts."""
    return Finding("variables", "fail", f"{message}; to keep it, {detail}", fix, detail)


def variables(session: Session) -> Iterator[Finding]:
    """Check that every variable that the active profile needs is set."""
    messages: list[str] = []
    context = read_only_context(session, messages)
    stack = context.stack()
    messages.clear()  # `ports` reports moved ports
    pending = context.missing_keys()
    unset = [
        error
        for service in stack.services.values()
        for error in context.unset_variables(service, pending, stack.profile.value)
    ]
    found = [_unset(str(error), error.fix.partition(",")[0], error.fix.partition("or ")[2]) for error in unset]
    names = {one.name for one in session.config.references}
    for warning in messages:  # variables of models that the profile does not need
        name = next((word for word in warning.split() if word in names), "NAME")
        detail = f"write it to {context.variables.file(name)}"
        found.append(replace(_unset(warning.removeprefix("warning: "), f"export {name}=…", detail), status="warn"))
    if stack.services[litellm.NAME].program.app is not None:
        env = {**session.environment, **session.config.services[litellm.NAME].env}
        faults = proxy_exceptions.faults(env, installed.is_importable(proxy_exceptions.SOCKS))
        found += [Finding("variables", "fail", one.what, one.fix) for one in faults]
    yield from found
    if pending:
        yield Finding("variables", "pass", f"not set yet: {', '.join(sorted(pending))}; `inv up` generates them")
    elif not found:
        yield Finding("variables", "pass", f"every variable that profile {stack.profile.value} needs is set")
