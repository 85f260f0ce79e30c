"""Resolve a version of LiteLLM together with FlowGate's own requirements, to a lock file with every hash."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from flowgate.errors import EnvironmentFailure
from flowgate.litellm_versions import uv_errors
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.requirements import COMPANIONS, LITELLM, litellm_requirement, own_requirements, pins
from flowgate.litellm_versions.wanted import Wanted
from flowgate.system import files, installed, locations, python_environment, uv

MINIMUM_AGE = timedelta(days=3)
RESOLVE_SECONDS = 300.0
DISTRIBUTION = "flowgate-llm"
NO_TIMES = "missing an upload date"  # uv 0.13.9 about a file; with `--exclude-newer` it leaves that file out


def required(version: str) -> list[str]:
    """Return the requirements of an environment: LiteLLM's proxy, and what FlowGate's worker imports.

    Args:
        version: LiteLLM's version; empty for the newest one.
    """
    return [litellm_requirement(version), *own_requirements(_declared())]


def _declared() -> list[str]:
    root = locations.checkout()
    return installed.declared(root / "pyproject.toml") if root else installed.requirements(DISTRIBUTION)


def resolve(wanted: Wanted, folder: Path, tools: BuildTools) -> str:
    """Resolve what is wanted.

    Args:
        wanted: What is to be installed.
        folder: A private folder for uv's files.
        tools: The environment variables, the time, and where warnings go.

    Returns:
        The text of the lock file.

    Raises:
        EnvironmentFailure: It cannot be resolved.
        Unreachable: The index cannot be reached.
        ProgramMissing: There is no uv.
    """
    source, lock = folder / "requirements.in", folder / "requirements.txt"
    files.write_atomic(source, "\n".join(required(wanted.version)) + "\n")
    words = [
        *("pip", "compile", str(source), "--output-file", str(lock), "--generate-hashes", "--no-header"),
        *("--no-annotate", "--python", str(python_environment.base_python()), *wanted.where(folder)),
    ]
    ran = uv.run([*words, *minimum_age(wanted, tools.now)], cwd=folder, env=tools.environment, timeout=RESOLVE_SECONDS)
    if ran.code and NO_TIMES in ran.stderr:
        tools.emit(
            "warning: the package index gives no upload times, so releases younger than 3 days cannot be told apart"
        )
        ran = uv.run(words, cwd=folder, env=tools.environment, timeout=RESOLVE_SECONDS)
    if ran.code:
        raise uv_errors.explain(ran, wanted, folder)
    text = files.read_text_or_none(lock) or ""
    if LITELLM not in pins(text):
        raise EnvironmentFailure(f"uv resolved {wanted.subject} to nothing", fix="run the command again, or update uv")
    return text


def minimum_age(wanted: Wanted, now: datetime) -> list[str]:
    """Return uv's options that leave out young releases; a version asked for by its name may be young.

    Args:
        wanted: What is to be installed.
        now: The time.
    """
    if wanted.wheelhouse or wanted.offline:
        return []
    limit = (now.astimezone(UTC) - MINIMUM_AGE).strftime("%Y-%m-%dT%H:%M:%SZ")
    tomorrow = (now.astimezone(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    exempt = COMPANIONS if wanted.version else ()
    found = ["--exclude-newer", limit]
    for name in exempt:
        found += ["--exclude-newer-package", f"{name}={tomorrow}"]
    return found
