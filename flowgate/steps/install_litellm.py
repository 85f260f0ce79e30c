"""Build an environment of its own for a version of LiteLLM, beside the one that serves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from flowgate.domain import Facts, LiteLLMEnvironment
from flowgate.errors import UsageError
from flowgate.gateway import litellm, litellm_environments, litellm_in_force
from flowgate.litellm_versions import environments, install, requirements
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.wanted import Wanted
from flowgate.step import Change, Result, StepContext, change, unchanged


def install_litellm(
    context: StepContext, version: str = "", wheelhouse: str = "", offline: bool = False
) -> Result | Change:
    """Build an environment of its own for a version of LiteLLM, beside the one that serves.

    Nothing that runs is touched. Every file must have a hash of the lock file, which is kept: the same version is
    installed again only from the same files.

    Args:
        context: Tools and state of this run.
        version: LiteLLM's version; default is the newest one that may be installed and whose release is 3 days old.
        wheelhouse: A folder of wheels, in place of the package index.
        offline: Use only what is in uv's cache.

    Returns:
        `version`, `python` (path), `folder`, `digest`, `built` (whether it was built now), `bundled` (it came with
        FlowGate).

    Raises:
        InvalidValue: The version is not one.
        UsageError: The version is blocked, FlowGate cannot run it, or there is no such folder of wheels.
        EnvironmentFailure: It cannot be installed; nothing has changed.
        ProgramMissing: There is no uv.
    """
    named = requirements.checked_version(str(version))
    wanted = Wanted(named, _wheelhouse(context, wheelhouse), offline)
    tools = _tools(context)
    own = litellm_in_force.bundled()
    if named and named == own.version and environments.environment(context.config, named) is None:
        return unchanged(f"LiteLLM {named} came with FlowGate", **_facts(context, own, False))
    if named and (found := install.existing(wanted, tools)):
        return unchanged(f"LiteLLM {named} is installed in an environment of its own", **_facts(context, found, False))
    if wanted.is_local:  # it is looked at before anything changes, so that check mode predicts no more than there is
        context.set_activity(f"resolving {wanted.subject}")
        chosen = install.foresee(wanted, tools)
        if present := _present(context, wanted, chosen, tools):
            return present
    else:
        chosen = named
    return _change(context, wanted, chosen)


def _present(context: StepContext, wanted: Wanted, chosen: str, tools: BuildTools) -> Result | None:
    """Return the result if a version that was not named need not be built; None if it must be."""
    if wanted.version:
        return None
    current = environments.in_force(context.config)
    if current.version and requirements.order(chosen) <= requirements.order(current.version):
        message = f"LiteLLM {current.version} is in force, and no newer one can be installed"
        return unchanged(message, **_facts(context, current, False))
    if there := install.existing(replace(wanted, version=chosen), tools):
        message = f"LiteLLM {chosen} is installed in an environment of its own"
        return unchanged(message, **_facts(context, there, False))
    return None


def _change(context: StepContext, wanted: Wanted, chosen: str) -> Change:
    """Describe the installation; `chosen` is the version, empty if only the index can tell."""
    folder = environments.folder(context.config, chosen) if chosen else ""
    predicted: Facts = {
        "version": chosen,
        "python": "",
        "folder": str(folder),
        "digest": "",
        "built": True,
        "bundled": False,
    }
    subject = f"LiteLLM {chosen}" if chosen else wanted.subject
    return change(
        f"install {subject} in an environment of its own",
        lambda acting: _install(acting, wanted),
        facts=predicted,
        unpredicted=_unchecked(wanted),
    )


def _unchecked(wanted: Wanted) -> str:
    """Return what check mode has not looked at."""
    if wanted.wheelhouse:
        return "the wheels themselves are checked when they are installed"
    if wanted.offline:
        return "whether uv's cache holds the files themselves shows when they are installed"
    if wanted.version:
        return f"the package index was not asked whether {wanted.subject} can be installed"
    return "only the package index tells which version is the newest"


def _wheelhouse(context: StepContext, folder: str) -> str:
    """Return the absolute path of a folder of wheels."""
    if not folder:
        return ""
    path = Path(folder).expanduser().absolute()
    if not path.is_dir():
        raise UsageError(f"there is no folder {path}", fix="name the folder that holds the wheels")
    if not context.files.listing(path, "*.whl"):
        raise UsageError(f"no wheel (*.whl) is in {path}", fix="name the folder that holds the wheels")
    return str(path)


def _tools(context: StepContext) -> BuildTools:
    generations = context.supervisor.status()["services"].get(litellm.NAME, {}).get("generations", ())
    return BuildTools(
        config=context.config,
        environment=context.environment,
        now=context.clock.wall(),
        show=context.set_activity,
        emit=context.emit,
        running={one["labels"].get(litellm_environments.LABEL, "") for one in generations},
    )


def _install(context: StepContext, wanted: Wanted) -> Facts:
    found, built = install.install(wanted, _tools(context))
    facts = _facts(context, found, built)
    if built:
        return {**facts, "message": f"installed LiteLLM {found.version} in an environment of its own"}
    serves = found == environments.in_force(context.config)
    what = (
        "is installed"
        if not serves
        else "is in force"
        if wanted.version
        else "is in force, and no newer one can be installed"
    )
    return {**facts, "changed": False, "message": f"LiteLLM {found.version} {what}"}


def _facts(context: StepContext, found: LiteLLMEnvironment, built: bool) -> Facts:
    folder = "" if found.bundled else str(environments.folder(context.config, found.version))
    about = {"version": found.version, "python": str(found.python), "folder": folder, "digest": found.digest}
    return {**about, "built": built, "bundled": found.bundled}
