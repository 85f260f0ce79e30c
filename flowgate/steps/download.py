"""Put the programs in place: the runners, the environment's bytecode, the folders."""

from pathlib import Path

from flowgate.errors import ProgramMissing
from flowgate.gateway import cliproxy, litellm
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def download(context: StepContext) -> Result | Change:
    """Put the programs in place: LiteLLM's runner, the upstream, and the environment's bytecode.

    Args:
        context: Tools and state of this run.

    Returns:
        Written (list of paths), upstream ("embedded" or the binary's path).

    Raises:
        ProgramMissing: CLIProxyAPIPlus is configured and not there.
    """
    wanted = _runners(context)
    stale = [path for path, text in wanted.items() if not _is_in_place(context, path, text)]
    upstream = "embedded" if cliproxy.is_embedded(context.config) else str(cliproxy.binary(context.config))
    if upstream != "embedded":
        require_executable(context, Path(upstream), "cliproxyapi_plus")
    name = "the embedded upstream stands in" if upstream == "embedded" else upstream
    compiled = context.compiled()
    if not stale and compiled:
        return unchanged(f"the runners are in place; {name}", written=[], upstream=upstream)

    def apply(r: StepContext) -> Facts:
        for path in stale:
            r.files.write(path, wanted[path], mode=0o700)
        if not compiled:
            r.emit("writing the environment's bytecode, once (LiteLLM starts twice as fast with it)")
            r.compile_environment()
        done = [f"wrote {', '.join(path.name for path in stale)}"] if stale else []
        done += [] if compiled else ["compiled the environment"]
        return {"written": [str(path) for path in stale], "upstream": upstream, "message": f"{', '.join(done)}; {name}"}

    work = [f"write {', '.join(path.name for path in stale)}"] if stale else []
    work += [] if compiled else ["compile the environment"]
    return change(
        f"{' and '.join(work)}; {name}", apply, facts={"written": [str(p) for p in stale], "upstream": upstream}
    )


def _runners(context: StepContext) -> dict[Path, str]:
    runners = {litellm.runner_path(context.config): litellm.runner(context.python())}
    if cliproxy.is_embedded(context.config):
        runners[cliproxy.binary(context.config)] = cliproxy.embedded_runner(context.python())
    return runners


def _is_in_place(context: StepContext, path: Path, text: str) -> bool:
    return context.files.read(path) == text and context.files.is_executable(path)


def require_executable(context: StepContext, path: Path, service: str) -> None:
    """Refuse a program that is absent or cannot be executed."""
    if context.files.is_executable(path):
        return
    place = context.config.place(f"services.{service}.command.args")
    if path.parent.name == "bin" and path.parent.parent == context.runtime:
        way_out = "inv bootstrap.download" if service == cliproxy.NAME else "inv up (it writes the runner)"
    else:
        way_out = f"put the program there (chmod u+x {path}), or change services.{service}.command.args"
    what = "cannot be executed" if path.exists() else "is missing"
    raise ProgramMissing(f"the program of {service}, {path}, {what}", place=place, fix=way_out)
