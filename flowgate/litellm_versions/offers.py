"""Which versions of LiteLLM the package index offers, which of them can be installed, and why others cannot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.gateway import blocked_versions
from flowgate.litellm_versions import requirements, uv_errors
from flowgate.litellm_versions.build_tools import BuildTools
from flowgate.litellm_versions.requirements import LITELLM, order
from flowgate.litellm_versions.resolve import minimum_age, resolve
from flowgate.litellm_versions.wanted import Wanted
from flowgate.system import files, python_environment, uv

QUERY_SECONDS = 60.0
MAX_LINES = 8  # release lines above the newest version that can be installed
NEXT_PYTHON = "3.15"
YOUNG = "its release is younger than 3 days; by its name it can be installed"


@dataclass(frozen=True, slots=True)
class Refused:
    """A version that is not chosen.

    Attributes:
        version: The version.
        reason: Why, as a clause.
    """

    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Offers:
    """What the index offers.

    Attributes:
        newest: The newest release; empty if the index could not be asked.
        installable: The newest one that an upgrade without a version would take; empty if there is none.
        refused: Newer ones, the newest of each line, and why they are not taken; then those that are blocked.
        error: Why the index could not be asked; empty if it could.
    """

    newest: str = ""
    installable: str = ""
    refused: list[Refused] = field(default_factory=list)
    error: str = ""


def blocked() -> list[Refused]:
    """Return the versions that are never installed."""
    return [Refused(version, f"it {why}") for version, why in sorted(blocked_versions.BLOCKED.items())]


def ask_index(folder: Path, tools: BuildTools, wheelhouse: str = "") -> Offers:
    """Ask the package index which versions there are.

    Args:
        folder: A private folder for uv's files.
        tools: The environment variables and the time.
        wheelhouse: A folder of wheels, in place of the index.

    Returns:
        The offers; with an `error` if the index cannot be asked.
    """
    patient = replace(tools, environment={"UV_HTTP_RETRIES": "1", **tools.environment})
    query = _Query(folder, patient, Wanted(wheelhouse=wheelhouse))
    try:
        newest = query.newest("")
        installable = query.installable(query.wanted)[0]
        refused = [*query.other_python(newest), *query.above(installable)]
        known = {one.version for one in refused}
    except FlowGateError as error:
        return Offers(error=error.what, refused=blocked())
    return Offers(newest, installable, [*refused, *(one for one in blocked() if one.version not in known)])


@dataclass(frozen=True, slots=True)
class _Query:
    folder: Path
    tools: BuildTools
    wanted: Wanted

    def newest(self, bound: str, *options: str) -> str:
        """Return the newest release that fits a bound ("<1.110"); empty if there is none.

        Raises:
            FlowGateError: The index cannot be asked.
        """
        source = self.folder / "query.in"
        files.write_atomic(source, f"{LITELLM}{bound}\n")
        python = () if "--python-version" in options else ("--python", str(python_environment.base_python()))
        words = ["pip", "compile", str(source), "--no-deps", "--no-header", "--no-annotate", *python, *options]
        words += self.wanted.where(self.folder)
        ran = uv.run(words, cwd=self.folder, env=self.tools.environment, timeout=QUERY_SECONDS)
        if ran.code and "No solution found" not in ran.stderr:
            raise uv_errors.explain(ran, self.wanted, self.folder)
        return "" if ran.code else requirements.pins(ran.stdout).get(LITELLM, "")

    def installable(self, wanted: Wanted) -> tuple[str, str]:
        """Return the version to which something resolves, or an empty text and why it does not resolve."""
        files.delete([self.folder / "requirements.txt"])
        try:
            lock = resolve(wanted, self.folder, self.tools)
        except EnvironmentFailure as error:
            return "", error.what.partition(": ")[2] or error.what
        return requirements.pins(lock)[LITELLM], ""

    def above(self, installable: str) -> Iterator[Refused]:
        """Yield the newest version of each line that is newer than what would be installed."""
        bound = ""
        for _ in range(MAX_LINES):
            version = self.newest(bound)
            if not version or order(version) <= order(installable):
                return
            yield Refused(version, self.reason(version))
            bound = f"<{requirements.line(version)}"

    def reason(self, version: str) -> str:
        """Return why a version is not taken."""
        if why := blocked_versions.reason(version):
            return f"it {why}"
        if requirements.has_rust_router(version):
            return f"FlowGate cannot run it: {requirements.rust_router()}"
        why = self.installable(replace(self.wanted, version=version))[1]
        if why:
            return why
        if not self.newest(f"=={version}", *minimum_age(self.wanted, self.tools.now)):
            return YOUNG
        return "it needs packages that are younger than 3 days; by its name it can be installed"

    def other_python(self, newest: str) -> list[Refused]:
        """Return a newer version that needs another Python than this one."""
        other = self.newest("", "--python-version", NEXT_PYTHON)
        if order(other) <= order(newest):
            return []
        own = python_environment.python_version()
        return [Refused(other, f"it does not support Python {own}, on which FlowGate runs")]
