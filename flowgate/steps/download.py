"""Put the programs in place: the runners, CLIProxyAPIPlus, and the bytecode of the Python environment."""

from pathlib import Path

from flowgate.errors import ProgramMissing
from flowgate.gateway import cliproxy, litellm
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged


def download(context: StepContext) -> Result | Change:
    """Put the programs in place: the runners, CLIProxyAPIPlus, and the bytecode of the Python environment.

    Args:
        context: Tools and state of this run.

    Returns:
        `written` (list of paths), `upstream` ("embedded", or the path of CLIProxyAPIPlus).

    Raises:
        ProgramMissing: The config names a CLIProxyAPIPlus that does not exist.
    """
    runners = _runners(context)
    outdated = [path for path, text in runners.items() if not _is_in_place(context, path, text)]
    upstream = "embedded" if cliproxy.is_embedded(context.config) else str(cliproxy.binary(context.config))
    if upstream != "embedded":
        require_executable(context, Path(upstream), "cliproxyapi_plus")
    shown = "the embedded upstream is used" if upstream == "embedded" else f"CLIProxyAPIPlus is {upstream}"
    compiled = context.is_compiled()
    if not outdated and compiled:
        return unchanged(f"the runners are in place; {shown}", written=[], upstream=upstream)

    def apply(acting: StepContext) -> Facts:
        for path in outdated:
            acting.files.write(path, runners[path], mode=0o700)
        if not compiled:
            acting.emit("compiling the Python environment, once (this halves the time that LiteLLM needs to start)")
            acting.compile_environment()
        done = f"{_summary('wrote', 'compiled', outdated, compiled)}; {shown}"
        return {"written": [str(path) for path in outdated], "upstream": upstream, "message": done}

    facts = {"written": [str(path) for path in outdated], "upstream": upstream}
    return change(f"{_summary('write', 'compile', outdated, compiled)}; {shown}", apply, facts=facts)


def _summary(write: str, compile_: str, outdated: list[Path], compiled: bool) -> str:
    work = [f"{write} {', '.join(path.name for path in outdated)}"] if outdated else []
    return " and ".join(work + ([] if compiled else [f"{compile_} the Python environment"]))


def _runners(context: StepContext) -> dict[Path, str]:
    runners = {litellm.runner_path(context.config): litellm.runner(context.python())}
    if cliproxy.is_embedded(context.config):
        runners[cliproxy.binary(context.config)] = cliproxy.embedded_runner(context.python())
    return runners


def _is_in_place(context: StepContext, path: Path, text: str) -> bool:
    return context.files.read(path) == text and context.files.is_executable(path)


def require_executable(context: StepContext, path: Path, service: str) -> None:
    """Raise an error if a program is missing or not executable.

    Args:
        context: Tools and state of this run.
        path: The program.
        service: The service that it runs.

    Raises:
        ProgramMissing: It is missing or not executable.
    """
    if context.files.is_executable(path):
        return
    place = context.config.place(f"services.{service}.command.args")
    if path.parent.name == "bin" and path.parent.parent == context.runtime:
        fix = "inv bootstrap.download" if service == cliproxy.NAME else "inv up (it writes the runner)"
    else:
        fix = f"install the program there (chmod u+x {path}), or change services.{service}.command.args"
    what = "cannot be executed" if path.exists() else "is missing"
    raise ProgramMissing(f"the program of {service}, {path}, {what}", place=place, fix=fix)
