"""Install a version of LiteLLM: find what exists, resolve, build, and leave nothing half done."""

from __future__ import annotations

from pathlib import Path

from flowgate.domain import Config, LiteLLMEnvironment
from flowgate.errors import EnvironmentFailure
from flowgate.gateway import litellm_environments
from flowgate.litellm_versions import environments, requirements
from flowgate.litellm_versions.build import build
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.resolve import required, resolve
from flowgate.litellm_versions.wanted import Wanted
from flowgate.system import files, processes, python_environment, replace_file, tempdirs

FORESEEN = "flowgate-litellm-check-"
HEADER = "# made by flowgate for "


def existing(wanted: Wanted, tools: BuildTools) -> LiteLLMEnvironment | None:
    """Return the environment that is wanted, if it exists and nothing is wrong with it.

    Args:
        wanted: What is to be installed; its version is known.
        tools: The config in use.
    """
    found = environments.usable(tools.config, wanted.version, _digest(wanted.version))
    place = environments.folder(tools.config, wanted.version)
    return found if found and python_environment.has_own_package(place) else None


def fault(config: Config, version: str) -> str:
    """Return what is wrong with a complete environment, as the rest of a sentence about it; empty if nothing is.

    Args:
        config: The config in use.
        version: LiteLLM's version.
    """
    about, found = environments.receipt(config, version), environments.environment(config, version)
    if about is None or found is None:
        return "is missing or not complete"
    if found.digest != python_environment.digest(found.site_packages):
        return "does not hold what was installed: its packages or its Python have changed"
    if about.requirements_digest != _digest(version):
        return "was built for other requirements than those of this FlowGate"
    return ""


def install(wanted: Wanted, tools: BuildTools) -> tuple[LiteLLMEnvironment, bool]:
    """Build the environment that is wanted, unless it exists.

    Args:
        wanted: What is to be installed.
        tools: What building needs.

    Returns:
        The environment, and whether it was built. If no version was named and the newest one is not newer than the
        one in force, it is the one in force.

    Raises:
        EnvironmentFailure: It cannot be installed; nothing has changed.
        DiskError: A folder cannot be written.
    """
    place = litellm_environments.folder(tools.config)
    files.make_private_folder(place)
    for half in environments.half_folders(tools.config):
        replace_file.delete_folder(half)
    staging = place / f".{processes.own_pid()}{environments.STAGING}"
    try:
        files.make_private_folder(staging)
        lock = _lock(wanted, staging, tools)
        version = requirements.pins(lock)[requirements.LITELLM]
        requirements.require_allowed(version)
        if found := _already(wanted, version, tools):
            return found, False
        _require_replaceable(version, tools)
        return build(wanted, lock, _digest(version), staging, tools), True
    finally:
        replace_file.delete_folder(staging)


def foresee(wanted: Wanted, tools: BuildTools) -> str:
    """Return the version that would be installed from files on this machine; nothing is kept, no network is used.

    Args:
        wanted: What is to be installed, from a folder of wheels or from uv's cache.
        tools: What resolving needs.

    Raises:
        EnvironmentFailure: It cannot be installed.
        UsageError: FlowGate does not run that version.
    """
    with tempdirs.folder(FORESEEN) as staging:
        version = requirements.pins(_lock(wanted, staging, tools))[requirements.LITELLM]
    requirements.require_allowed(version)
    return version


def _lock(wanted: Wanted, staging: Path, tools: BuildTools) -> str:
    """Return the lock file to install: the one from before, as long as the requirements are the same."""
    known = files.read_text_or_none(environments.lock_path(tools.config, wanted.version)) if wanted.version else None
    if known and known.startswith(_header(wanted.version)):
        return known
    tools.show(f"resolving {wanted.subject}")
    lock = resolve(wanted, staging, tools)
    version = requirements.pins(lock)[requirements.LITELLM]
    path = environments.lock_path(tools.config, version)
    before = files.read_text_or_none(path) or ""
    if changed := requirements.changed(requirements.hashes(before), requirements.hashes(lock)):
        what = f"{changed[0]} is not the file that was installed before: none of its hashes stands in {path}"
        raise EnvironmentFailure(
            what, fix="find out why before you install it; to accept the new files, delete that file"
        )
    return before if before.startswith(_header(version)) else _header(version) + lock


def _header(version: str) -> str:
    """Return the first line of a lock file: for what it was made."""
    python = ".".join(python_environment.python_version().split(".")[:2])
    return f"{HEADER}LiteLLM {version}, Python {python}, requirements {_digest(version)}\n"


def _digest(version: str) -> str:
    return requirements.digest(required(version))


def _already(wanted: Wanted, version: str, tools: BuildTools) -> LiteLLMEnvironment | None:
    """Return an environment that makes building unnecessary; put its link to FlowGate right if it points elsewhere."""
    current = environments.in_force(tools.config)
    if not wanted.version and current.version and requirements.order(version) <= requirements.order(current.version):
        return current
    found = environments.usable(tools.config, version, _digest(version))
    place = environments.folder(tools.config, version)
    if found and not python_environment.has_own_package(place):
        python_environment.link_own_package(place)
    return found


def _require_replaceable(version: str, tools: BuildTools) -> None:
    """Raise an error if building would replace an environment in which LiteLLM runs."""
    if version in (*tools.running, environments.record(tools.config).pending):
        place = environments.folder(tools.config, version)
        what = f"LiteLLM {version} runs in {place}, which is not as it was built; it is not replaced while it runs"
        raise EnvironmentFailure(what, fix="inv litellm.rollback, then run the command again")
