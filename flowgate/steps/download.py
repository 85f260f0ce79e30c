"""Put the programs in place: the runners, CLIProxyAPIPlus, and the bytecode of the Python environment."""

from dataclasses import replace
from pathlib import Path

from flowgate.domain import Sourced
from flowgate.errors import ProgramMissing, raise_all
from flowgate.gateway import (
    build,
    cliproxy,
    download_source,
    install_record,
    litellm_environments,
    litellm_runner,
    southbound,
)
from flowgate.step import Change, Facts, Result, StepContext, change, unchanged
from flowgate.steps.install_upstream import install_upstream
from flowgate.system import python_environment

SHOWN = {
    "embedded": "the embedded upstream is used",
    "remote": "CLIProxyAPIPlus runs elsewhere",
    "none": "the gateway has no CLIProxyAPIPlus",
}


def download(context: StepContext, profile: str | None = None) -> Result | Change:
    """Put the programs in place: the runners, CLIProxyAPIPlus, and the bytecode of the Python environment.

    CLIProxyAPIPlus is installed when it is missing and the config names its source under `bootstrap`.

    Args:
        context: Tools and state of this run.
        profile: A profile that is to be started: what it needs is checked before anything is downloaded or compiled.

    Returns:
        `written` (list of paths), `upstream` ("embedded", "remote", "none", or the path of CLIProxyAPIPlus).

    Raises:
        ProgramMissing: The config names a CLIProxyAPIPlus that does not exist, and no source.
        EnvironmentFailure: The source has no such archive, or the archive cannot be verified.
        UnknownName: The config has no such profile.
        UsageError: A flag of CLIProxyAPIPlus, or your own config of it, cannot be used, or a variable of the profile is
            not set; nothing is downloaded.
    """
    _check_inputs(context, profile)
    scripts = runners(context)
    outdated = [path for path, text in scripts.items() if not _is_in_place(context, path, text)]
    upstream = _upstream(context)
    installation = None if upstream in SHOWN else pending_installation(context, Path(upstream))
    if upstream not in SHOWN and installation is None:
        require_executable(context, Path(upstream), "cliproxyapi_plus")
    bytecode = context.compiled()
    shown = SHOWN.get(upstream, f"CLIProxyAPIPlus is {upstream}") + _slower(bytecode.slow_at)
    compiled, moved = not bytecode.is_pending, _of_another_place(context)
    if not outdated and compiled and installation is None and moved is None:
        return unchanged(f"the runners are in place; {shown}", written=[], upstream=upstream)

    def apply(acting: StepContext) -> Facts:
        if installation is not None:
            acting.emit(str(installation.apply(acting)["message"]))
        for path in outdated:
            acting.files.write(path, scripts[path], mode=0o700)
        if moved is not None:
            python_environment.link_own_package(moved)
        if not compiled:
            acting.emit("compiling the Python environment, once (this halves the time that LiteLLM needs to start)")
            acting.compile_environment()
        done = f"{_summary('wrote', 'compiled', outdated, compiled) or 'the runners are in place'}; {shown}"
        return {"written": [str(path) for path in outdated], "upstream": upstream, "message": done}

    facts = {"written": [str(path) for path in outdated], "upstream": upstream}
    work = _summary("write", "compile", outdated, compiled)
    summary = [*([installation.summary] if installation else []), work, shown]
    return change("; ".join(filter(None, summary)), apply, facts=facts)


def _check_inputs(context: StepContext, profile: str | None) -> None:
    # What depends on the version is judged once the version to start is installed, by `render`.
    inputs = replace(context.build_inputs(), upstream_version="")
    build.own_settings(context.config, inputs)
    if profile is None:
        return
    services = build.build(context.config, Sourced(profile, "playbook"), inputs).services.values()
    pending = context.missing_keys()
    unset = [error for one in services for error in context.unset_variables(one, pending, profile)]
    raise_all("the environment", unset)


def _slower(site: Path | None) -> str:
    return f"; {site} cannot be written, so nothing is compiled and LiteLLM starts slower" if site else ""


def _upstream(context: StepContext) -> str:
    if not cliproxy.is_configured(context.config):
        return "remote" if context.config.remote else "none"
    return "embedded" if cliproxy.is_embedded(context.config) else str(cliproxy.binary(context.config))


def _of_another_place(context: StepContext) -> Path | None:
    """Return the environment of LiteLLM in force if FlowGate was moved since: it uses the package at the old place."""
    environment = context.litellm()
    folder = litellm_environments.folder(context.config) / environment.version
    return None if environment.bundled or python_environment.has_own_package(folder) else folder


def _summary(write: str, compile_: str, outdated: list[Path], compiled: bool) -> str:
    runners = "1 runner" if len(outdated) == 1 else f"{len(outdated)} runners"
    work = [f"{write} {runners}"] if outdated else []
    return ", ".join(work + ([] if compiled else [f"{compile_} the environment"]))


def pending_installation(context: StepContext, program: Path) -> Change | None:
    """Find out whether a missing CLIProxyAPIPlus will be installed.

    Args:
        context: Tools and state of this run.
        program: Path of the program.

    Returns:
        The change that installs it; None when it is there, or when the user's config names no source.
    """
    own = program == install_record.install_paths(context.config).program
    if not (download_source.is_named(context.config) and own) or context.files.is_executable(program):
        return None
    found = install_upstream(context)
    return found if isinstance(found, Change) else None


def runners(context: StepContext) -> dict[Path, str]:
    """Return the scripts that this step writes, each with its text.

    Args:
        context: Tools and state of this run.
    """
    found = {litellm_runner.runner_path(context.config): litellm_runner.runner(context.python())}
    environment = context.litellm()
    found[litellm_runner.runner_path(context.config, environment)] = litellm_runner.runner(environment.python)
    if cliproxy.is_embedded(context.config):
        found[cliproxy.binary(context.config)] = cliproxy.embedded_runner(context.python())
    return found


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
        UsageError: It is missing, and the config uses its service without naming it.
    """
    if context.files.is_executable(path):
        return
    implied = southbound.not_installed(context.config, str(path)) if service == cliproxy.NAME else None
    if implied is not None:
        raise implied
    place = context.config.place(f"services.{service}.command.args")
    if path.parent.name == "bin" and path.parent.parent == context.runtime:
        missing = service == cliproxy.NAME
        fix = download_source.install_fix(context.config) if missing else "inv up (it writes the runner)"
    else:
        fix = f"install the program there (chmod u+x {path}), or change services.{service}.command.args"
    if "/" not in context.config.services[service].args[0]:
        fix = f"{path.name} is not on PATH; write its path into services.{service}.command.args"
    what = "cannot be executed" if path.exists() else "is missing"
    raise ProgramMissing(f"the program of {service}, {path}, {what}", place=place, fix=fix)
