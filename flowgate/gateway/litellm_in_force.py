"""The LiteLLM that serves, or would: the environment in force, or one that an upgrade tries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from flowgate.domain import Config, LiteLLMEnvironment, Program
from flowgate.errors import ProgramMissing
from flowgate.gateway import litellm_environments, litellm_receipt
from flowgate.gateway.environment import MODULE_CACHE
from flowgate.gateway.litellm_declarations import PACKAGE, PROXY, Declarations, of_installed, read
from flowgate.gateway.litellm_environments import BUNDLED, EnvironmentRecord
from flowgate.gateway.litellm_receipt import RECEIPT
from flowgate.system import bytecode, files, installed, locations

Read = Callable[[Path], str | None]
Serving = Callable[[], str | None]


def bundled() -> LiteLLMEnvironment:
    """Return the environment that came with FlowGate: the one in which this process runs."""
    version = installed.version(PACKAGE) or ""
    site_packages, digest = bytecode.site_packages(), bytecode.environment()
    return LiteLLMEnvironment(version, locations.python(), site_packages, digest, bundled=True)


def record(config: Config, read_file: Read, serving: Serving) -> EnvironmentRecord:
    """Read which environment is in force; a hand-over that was interrupted is settled by what serves.

    Args:
        config: The config.
        read_file: Reads a file; returns None if it is absent.
        serving: Returns the environment of the generation that serves; None if none serves. It is asked only if a
            hand-over was interrupted.
    """
    found = litellm_environments.parse(read_file(litellm_environments.record_path(config)))
    return found if found.pending is None else found.settled(serving())


def environment(config: Config, read_file: Read, name: str) -> LiteLLMEnvironment | None:
    """Return an environment by its name; None if it is absent or not complete.

    Args:
        config: The config.
        read_file: Reads a file; returns None if it is absent.
        name: Its name; empty for the one that came with FlowGate.
    """
    if name == BUNDLED:
        return bundled()
    folder = litellm_environments.folder(config) / name
    receipt = litellm_receipt.parse(read_file(folder / RECEIPT))
    found = litellm_receipt.environment(receipt, folder) if receipt else None
    usable = found is not None and found.version == name and files.is_there(found.python)
    return found if usable else None


def required(config: Config, read_file: Read, name: str, is_expected: bool = False) -> LiteLLMEnvironment:
    """Return an environment by its name.

    Args:
        config: The config.
        read_file: Reads a file; returns None if it is absent.
        name: Its name; empty for the one that came with FlowGate.
        is_expected: An earlier task of this run installs it; in check mode it is not there yet.

    Raises:
        ProgramMissing: It is absent or not complete.
    """
    found = environment(config, read_file, name)
    if found is None and is_expected and not read_file(litellm_environments.folder(config) / name / RECEIPT):
        return expected(config, name)
    if found is None:
        folder = litellm_environments.folder(config) / name
        what = f"the environment of LiteLLM {name}, {folder}, is missing or not complete"
        fix = f"inv litellm.upgrade --to {name} (it installs it again), or inv litellm.rollback"
        raise ProgramMissing(what, fix=fix)
    return found


def named(config: Config, read_file: Read, version: str) -> str:
    """Return the name of the environment in which a version of LiteLLM is installed, or will be.

    Args:
        config: The config.
        read_file: Reads a file; returns None if it is absent.
        version: LiteLLM's version.
    """
    is_bundled = version == installed.version(PACKAGE)
    return BUNDLED if is_bundled and environment(config, read_file, version) is None else version


def version(config: Config, read_file: Read, name: str) -> str:
    """Return the version of LiteLLM in an environment, also if the environment is missing.

    Args:
        config: The config.
        read_file: Reads a file; returns None if it is absent.
        name: Its name; empty for the one that came with FlowGate.
    """
    found = environment(config, read_file, name)
    return found.version if found is not None else name


def expected(config: Config, version: str) -> LiteLLMEnvironment:
    """Return the environment that an earlier task of this run would have built, for check mode.

    Args:
        config: The config.
        version: LiteLLM's version.
    """
    folder = litellm_environments.folder(config) / version
    own = bundled()
    return replace(own, version=version, python=folder / "bin" / "python", digest="", bundled=False)


@cache
def declarations(environment: LiteLLMEnvironment) -> Declarations:
    """Read what the LiteLLM of an environment declares about its settings, once in a process.

    Args:
        environment: The environment.
    """
    if environment.bundled:
        return of_installed()
    root = environment.site_packages / PACKAGE
    source, is_used = partial(installed.source_in, root), partial(installed.uses_name_in, root)
    looked_up = partial(installed.looked_up_in, root / PROXY)
    return read(environment.version, cache(source), cache(is_used), cache(looked_up))


def with_imports(program: Program, environment: LiteLLMEnvironment) -> Program:
    """Return a program whose fork server imports from an environment, and uses the record of its last warm-up.

    Args:
        program: The program.
        environment: The environment.
    """
    if program.fork_server is None:
        return program
    cache = str(environment.site_packages / MODULE_CACHE)
    return replace(
        program, fork_server=replace(program.fork_server, environment=environment.digest, module_cache=cache)
    )
