"""The environments of LiteLLM that exist: the one that came with FlowGate, and those that were built."""

from __future__ import annotations

from pathlib import Path

from flowgate.domain import Config, LiteLLMEnvironment
from flowgate.gateway import litellm_environments, litellm_in_force, litellm_receipt
from flowgate.litellm_versions.requirements import VERSION, order
from flowgate.system import files, processes, python_environment

LOCKS = "locks"
STAGING = ".building"


def folder(config: Config, version: str) -> Path:
    """Return the folder of a version's environment, whether or not it exists.

    Args:
        config: The config in use.
        version: LiteLLM's version.
    """
    return litellm_environments.folder(config) / version


def lock_path(config: Config, version: str) -> Path:
    """Return the lock file of a version: every distribution with its hashes. It outlives the environment.

    Args:
        config: The config in use.
        version: LiteLLM's version.
    """
    return litellm_environments.folder(config) / LOCKS / f"{version}.txt"


def receipt(config: Config, version: str) -> litellm_receipt.Receipt | None:
    """Return the receipt of a version's environment; None if it is not complete.

    Args:
        config: The config in use.
        version: LiteLLM's version.
    """
    place = folder(config, version)
    found = litellm_receipt.parse(files.read_text_or_none(place / litellm_receipt.RECEIPT))
    return found if found and found.version == version and (place / found.python).exists() else None


def environment(config: Config, version: str) -> LiteLLMEnvironment | None:
    """Return the complete environment of a version; None if there is none.

    Args:
        config: The config in use.
        version: LiteLLM's version.
    """
    return litellm_in_force.environment(config, files.read_text_or_none, version) if version else None


def environments(config: Config) -> list[LiteLLMEnvironment]:
    """Return the complete environments that were built, the newest version first.

    Args:
        config: The config in use.
    """
    found = (environment(config, name) for name in version_folders(config))
    return [one for one in found if one is not None]


def version_folders(config: Config) -> list[str]:
    """Return the names of the folders of versions, complete or not, the newest version first.

    Args:
        config: The config in use.
    """
    place = litellm_environments.folder(config)
    names = [path.name for path in place.iterdir() if VERSION.fullmatch(path.name)] if place.is_dir() else []
    return sorted(names, key=order, reverse=True)


def in_force(config: Config) -> LiteLLMEnvironment:
    """Return the environment that a start uses, as far as it exists; else the one that came with FlowGate.

    Args:
        config: The config in use.
    """
    return environment(config, record(config).in_force) or litellm_in_force.bundled()


def record(config: Config) -> litellm_environments.EnvironmentRecord:
    """Return the record of what is in force.

    Args:
        config: The config in use.
    """
    return litellm_environments.parse(files.read_text_or_none(litellm_environments.record_path(config)))


def usable(config: Config, version: str, requirements_digest: str) -> LiteLLMEnvironment | None:
    """Return the environment of a version if it is complete, unchanged, and made for this FlowGate; else None.

    Args:
        config: The config in use.
        version: LiteLLM's version.
        requirements_digest: Digest of the requirements that it must fulfil.
    """
    found, about = environment(config, version), receipt(config, version)
    if found is None or about is None or about.requirements_digest != requirements_digest:
        return None
    return found if found.digest == python_environment.digest(found.site_packages) else None


def half_folders(config: Config) -> list[Path]:
    """Return what interrupted builds have left, except what is in force or was before, and what is being built.

    Args:
        config: The config in use.
    """
    place = litellm_environments.folder(config)
    if not place.is_dir():
        return []
    kept = record(config).kept
    names = [name for name in version_folders(config) if name not in kept]
    half = [place / name for name in names if not (place / name / litellm_receipt.RECEIPT).exists()]
    return half + [path for path in place.iterdir() if path.name.endswith(STAGING) and not _is_building(path)]


def _is_building(path: Path) -> bool:
    """Return whether the process that a staging folder names is another one that runs."""
    pid = path.name.removesuffix(STAGING).removeprefix(".")
    found = processes.identify(int(pid)) if pid.isdigit() and int(pid) != processes.own_pid() else None
    return found is not None and processes.alive(found)  # a killed one may stay a zombie for long
