"""Build an environment of LiteLLM: in a folder beside the others, checked, and given its name last."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from packaging.utils import canonicalize_name

from flowgate.domain import LiteLLMEnvironment
from flowgate.errors import EnvironmentFailure
from flowgate.gateway import litellm_receipt
from flowgate.gateway.litellm_receipt import Distribution, Receipt
from flowgate.litellm_versions import environments, uv_errors
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.requirements import LITELLM, pins
from flowgate.litellm_versions.wanted import Wanted
from flowgate.system import bound_command, bytecode, files, package_faults, python_environment, uv
from flowgate.system.clock import stamp

VENV_SECONDS, INSTALL_SECONDS, TRIAL_SECONDS = 60.0, 1800.0, 60.0
# What the supervisor runs in it is imported; LiteLLM itself is not started: that is for the rehearsal.
TRIAL = """
import importlib.metadata, importlib.util, sys
import flowgate.supervisor.fork_server, flowgate.supervisor.worker
for name in sys.argv[1:]:
    if importlib.util.find_spec(name) is None:
        sys.exit(f"the package {name} is missing")
print(importlib.metadata.version("litellm"))
"""
SERVED = (LITELLM, "fastapi", "starlette", "uvicorn")


def build(wanted: Wanted, lock: str, requirements_digest: str, staging: Path, tools: BuildTools) -> LiteLLMEnvironment:
    """Build the environment of a lock file; what is in its place is replaced when nothing can fail any more.

    Args:
        wanted: What is to be installed.
        lock: The text of the lock file.
        requirements_digest: Digest of the requirements of which the lock file was made.
        staging: A private folder on the same file system; its content is deleted by the caller.
        tools: What it needs else.

    Raises:
        EnvironmentFailure: It cannot be built; nothing has changed.
    """
    version = pins(lock)[LITELLM]
    folder = staging / "environment"
    _install(wanted, lock, folder, tools)
    tools.show(f"checking the files of LiteLLM {version}")
    _verify(wanted, lock, folder)
    python_environment.add_own_package(folder)
    tools.show(f"compiling LiteLLM {version}")
    site = python_environment.site_packages(folder)
    bytecode.compile_other(python_environment.python(folder), site)
    tools.show(f"trying LiteLLM {version}")
    _try(version, folder)
    receipt = _receipt(wanted, lock, requirements_digest, folder, tools)
    files.write_atomic(folder / litellm_receipt.RECEIPT, litellm_receipt.dump(receipt))
    files.write_atomic(environments.lock_path(tools.config, version), lock)
    tools.show(f"putting LiteLLM {version} in place")
    target = environments.folder(tools.config, version)
    python_environment.move_into_place(folder, target, staging / "replaced")
    built = environments.environment(tools.config, version)
    if built is None:
        raise EnvironmentFailure(f"{target} is not whole after it was built")
    return built


def _install(wanted: Wanted, lock: str, folder: Path, tools: BuildTools) -> None:
    """Create the environment, and install what the lock file holds: only files with its hashes."""
    staging = folder.parent
    locked = staging / "locked.txt"
    files.write_atomic(locked, lock)
    base = str(python_environment.base_python())
    venv = ["venv", "--quiet", "--relocatable", "--no-project", "--python", base, str(folder)]
    python = str(python_environment.python(folder))
    install = [
        *("pip", "install", "--python", python, "--require-hashes", "--no-deps", "--strict"),
        *("--requirements", str(locked), *wanted.where(staging)),
    ]
    tools.show(f"installing LiteLLM {pins(lock)[LITELLM]} and {len(pins(lock)) - 1} other packages")
    for words, seconds in ((venv, VENV_SECONDS), (install, INSTALL_SECONDS)):
        ran = uv.run(words, cwd=staging, env=tools.environment, timeout=seconds)
        if ran.code:
            raise uv_errors.explain(ran, wanted, staging.parent)


def _verify(wanted: Wanted, lock: str, folder: Path) -> None:
    """Refuse packages that write outside, that lack files, that need another Python, or that run at every start."""
    locked = pins(lock)
    found = package_faults.of_environment(folder)
    if wanted.wheelhouse and not found:
        is_used = lambda name, version: locked.get(canonicalize_name(name)) == version  # noqa: E731
        found = package_faults.of_wheels(Path(wanted.wheelhouse), is_used)
    if found:
        what = f"LiteLLM {locked[LITELLM]} is refused: {'; '.join(found)}"
        raise EnvironmentFailure(what, fix="do not use these files; inv litellm.list shows other versions")


def _try(version: str, folder: Path) -> None:
    """Start the new interpreter once: LiteLLM is there, of the right version, and FlowGate's worker can be imported."""
    argv = [str(python_environment.python(folder)), "-P", "-c", TRIAL, *SERVED]
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder.parent)}
    ran = bound_command.run(argv, cwd=folder.parent, env=env, timeout=TRIAL_SECONDS)
    found = ran.stdout.strip()
    if ran.code or found != version:
        last = (ran.stderr.strip().splitlines() or [f"it holds version {found or 'unknown'}"])[-1]
        what = f"the new environment of LiteLLM {version} does not work: {last}"
        raise EnvironmentFailure(what, fix="inv litellm.list shows other versions", log=ran.stderr.splitlines()[-10:])


def _receipt(wanted: Wanted, lock: str, requirements_digest: str, folder: Path, tools: BuildTools) -> Receipt:
    site = python_environment.site_packages(folder)
    found = python_environment.distributions(site)
    return Receipt(
        version=pins(lock)[LITELLM],
        python=str(python_environment.python(folder).relative_to(folder)),
        site_packages=str(site.relative_to(folder)),
        digest=python_environment.digest(site),
        python_version=python_environment.python_version(),
        distributions={name: Distribution(*about) for name, about in found.items()},
        lock_sha256=sha256(lock.encode()).hexdigest(),
        built=stamp(tools.now),
        source=wanted.source,
        uv_version=python_environment.uv_version(folder),
        requirements_digest=requirements_digest,
    )
