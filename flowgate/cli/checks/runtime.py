"""What the services are made of: their programs, LiteLLM, the ports and variables they need."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import Any

from flowgate.cli.checks.finding import Finding
from flowgate.cli.session import Session
from flowgate.context import Files, RunState, StepContext
from flowgate.errors import PortInUse
from flowgate.gateway import blocked_versions, cliproxy, install_record, litellm, release_assets
from flowgate.system import bytecode, files, installed, locations, processes, sockets
from flowgate.system.clock import Clock
from flowgate.system.http import Http

DOWNLOAD = "inv bootstrap.download"
UP = "inv up"


def read_only_context(session: Session, heard: list[str]) -> StepContext:
    """Give what a step that only looks has within reach.

    Args:
        heard: Receives what it would tell people.
    """
    return StepContext(
        config=session.config,
        run_state=RunState(session.profile()),
        supervisor=session.supervisor,
        http=Http(looking=True),
        clock=Clock(),
        files=Files(acting=False),
        environment=session.environment,
        emit=heard.append,
    ).read_only()


# --- programs


def binaries(session: Session) -> Iterator[Finding]:
    """Check that the programs are there, can be executed, and are what was installed."""
    stack = read_only_context(session, []).stack()
    for name, service in stack.services.items():
        path = Path(service.program.argv[0])
        wanted = _runner(session, path)
        if files.is_executable(path):
            yield from [_is_current(name, path, wanted)] if wanted else _is_the_installed(name, path)
        elif path.exists():
            yield Finding("binaries", "fail", f"{path} cannot be executed", f"chmod u+x {quote(str(path))}")
        elif wanted:
            yield Finding("binaries", "warn", f"{path} is not there yet; `inv up` writes it", UP)
        else:
            ours = path.parent == session.config.paths.runtime_dir / "bin"
            way_out = DOWNLOAD if ours else f"ls -l {quote(str(path))}"
            yield Finding("binaries", "fail", f"the program of {name}, {path}, is missing", way_out)


def _runner(session: Session, path: Path) -> str:
    """Give the text of a runner of ours; nothing for any other program."""
    if path == litellm.runner_path(session.config):
        return litellm.runner(locations.python())
    if cliproxy.is_embedded(session.config) and path == cliproxy.binary(session.config):
        return cliproxy.embedded_runner(locations.python())
    return ""


def _is_current(name: str, path: Path, wanted: str) -> Finding:
    if files.read_text_or_none(path) == wanted:
        return Finding("binaries", "pass", f"{name} runs from this environment ({path})")
    return Finding("binaries", "warn", f"{path} was written for another environment; `inv up` writes it anew", UP)


def _is_the_installed(name: str, path: Path) -> Iterator[Finding]:
    """Compare a binary with the record that its installation left beside it."""
    lock = path.with_name(f"{path.name}.lock")
    text = files.read_text_or_none(lock)
    if text is None:
        if name == cliproxy.NAME and path.name == release_assets.PROGRAM:
            message = f"{path} can be executed, and nothing records where it came from"
            yield Finding("binaries", "warn", message, f"{DOWNLOAD} --from-file ARCHIVE")
        else:
            yield Finding("binaries", "pass", f"{path} can be executed")
        return
    record = install_record.read(text)
    if record is None:
        yield Finding("binaries", "fail", f"{lock} is damaged", DOWNLOAD)
    elif record.binary_sha256 != files.file_digest(path):
        message = f"{path} is not the file that was installed: its digest is not that of {lock.name}"
        yield Finding("binaries", "fail", message, DOWNLOAD)
    elif record.level == "none":
        message = f"{path} ({record.version}) is as installed, and was installed unverified"
        yield Finding("binaries", "warn", message, DOWNLOAD)
    else:
        yield Finding("binaries", "pass", f"{path} ({record.version}) is as installed, checked by {record.level}")


def litellm_release() -> Iterator[Finding]:
    """Check that LiteLLM is there and no release of it that is refused, installed or locked."""
    root = locations.checkout()
    install = "uv sync --locked" if root else "pip install 'flowgate[runtime]'"
    version = installed.version("litellm")
    locked = installed.locked(root, "litellm") if root else None
    if version is None or not installed.is_importable("litellm"):
        yield Finding("litellm", "fail", "LiteLLM is not installed in this environment", install)
    elif blocked_versions.reason(version):
        message = f"LiteLLM {version} is installed and {blocked_versions.reason(version)}; change every key it has seen"
        yield Finding("litellm", "fail", message, install)
    elif locked and not blocked_versions.reason(locked) and locked != version:
        yield Finding("litellm", "warn", f"LiteLLM {version} is installed and {locked} is locked", install)
    else:
        yield Finding("litellm", "pass", f"LiteLLM {version} is installed")
    if locked and blocked_versions.reason(locked):
        message = f"LiteLLM {locked} is locked in uv.lock and {blocked_versions.reason(locked)}"
        yield Finding("litellm", "fail", message, "uv lock --upgrade-package litellm && uv sync")


def environment_bytecode() -> Iterator[Finding]:
    """Check that the environment is compiled: without, every start of LiteLLM takes twice as long."""
    if bytecode.is_compiled():
        yield Finding("environment", "pass", "the environment is compiled")
    else:
        yield Finding("environment", "warn", "the environment is not compiled yet; `inv up` does it once", UP)


# --- what they need


def ports(session: Session) -> Iterator[Finding]:
    """Check that the ports are free or ours; else say whose."""
    status = session.supervisor.status()
    ours = our_processes(status)
    for name, settings in session.config.services.items():
        port = _serving_port(status, name) or settings.port
        owner = sockets.owner(settings.host, port)
        at = f"{settings.host}:{port}"
        if owner is None:
            yield Finding("ports", "pass", f"port {at} is free for {name}")
        elif owner[0] in ours:
            yield Finding("ports", "pass", f"port {at} is served by {name}")
        else:
            yield _taken(session, name, port, owner)


def _taken(session: Session, name: str, port: int, owner: sockets.Owner) -> Finding:
    pid, command = owner
    settings = session.config.services[name]
    message = PortInUse(name, settings.host, port, pid=pid, command=command).what
    way_out = f"kill {pid}" if pid else f"sudo lsof -nP -iTCP:{port} -sTCP:LISTEN"
    if session.config.embedded:
        return Finding("ports", "warn", f"{message}; the embedded default moves to a free one", way_out)
    return Finding("ports", "fail", message, way_out)


def _serving_port(status: Mapping[str, Any], name: str) -> int | None:
    generations = status["services"].get(name, {}).get("generations", ())
    return next((int(one["port"]) for one in reversed(generations) if one.get("phase") == "serving"), None)


def our_processes(status: Mapping[str, Any]) -> dict[int, str]:
    """Give every process that the keeper, whose status this is, runs, and for which service: pid → name."""
    found = {int(status["supervisor"]): "the keeper"} if status["supervisor"] else {}
    for name, seat in status["services"].items():
        roots = [one["pid"] for one in seat.get("generations", ()) if one.get("pid")]
        found |= {one.pid: name for root in roots for one in processes.tree_of(int(root))}
    return found


def variables(session: Session) -> Iterator[Finding]:
    """Check that every variable that the profile in force needs has a value."""
    heard: list[str] = []
    context = read_only_context(session, heard)
    stack = context.stack()
    heard.clear()  # of moved ports: `ports` tells of those
    pending = context.missing_keys()
    unset = [fault for service in stack.services.values() for fault in context.unset_variables(service, pending)]
    found = [Finding("variables", "fail", str(fault), fault.fix.partition(",")[0]) for fault in unset]
    for warning in heard:
        message = warning.removeprefix("warning: ")
        found.append(Finding("variables", "warn", message, f"export {message.split()[2]}=…"))
    yield from found
    if pending:
        made = ", ".join(sorted(pending))
        yield Finding("variables", "pass", f"{made}: not there yet, `inv up` makes them")
    elif not found:
        yield Finding("variables", "pass", f"every variable that profile {stack.profile.value} needs is set")
