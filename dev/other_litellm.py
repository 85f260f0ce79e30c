"""`inv test --litellm VERSION`: run the live tests over another LiteLLM, in a copy of the checkout."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from dev import packaging
from flowgate.cli import console
from flowgate.errors import CheckFailed, EnvironmentFailure, InvalidValue, ProgramMissing, UsageError
from flowgate.gateway import blocked_versions, litellm_releases
from flowgate.system import git, processes

TESTS = "tests/live"
ASK = "import importlib.metadata as m; print(m.version('litellm'))"
FOREIGN = ("VIRTUAL_ENV", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "PYTHONPATH", "FLOWGATE_CONFIG")


def run(root: Path, version: str, options: Sequence[str], words: Sequence[str]) -> int:
    """Run tests over a release of LiteLLM. The checkout, its lock and its environment stay as they are.

    Args:
        root: The checkout.
        version: The release.
        options: Options of pytest; files that they name must be absolute.
        words: Further arguments of pytest; if they name no tests, the live tests run.

    Returns:
        The exit code of pytest.

    Raises:
        UsageError: The version is none, or is blocked.
        EnvironmentFailure: There is no uv or git, or the release cannot be installed.
        CheckFailed: Another release was installed.
    """
    checked(version)
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise ProgramMissing("uv is not installed; it builds the environment", fix="pip install uv")
    names = [one for one in [*git.tracked(root), *git.changed_files(root)] if (root / one).is_file()]
    with TemporaryDirectory(prefix="flowgate-litellm-") as folder:
        copy = Path(folder) / "checkout"
        copy_files(root, copy, names)
        python = copy / ".venv" / "bin" / "python"
        extra = f"litellm[proxy]=={version}"
        _install(
            [uv, "sync", "--locked", "--quiet", "--compile-bytecode", "--group=test", f"--python={sys.executable}"],
            copy,
        )
        _install([uv, "pip", "install", "--compile-bytecode", f"--python={python}", extra], copy)
        found = installed(python)
        if litellm_releases.parse(found) != litellm_releases.parse(version):
            raise CheckFailed(f"LiteLLM {found} was installed in place of {version}")
        chosen = [] if any(word.startswith("tests/") for word in words) else [TESTS]
        argv = [str(python), "-m", "pytest", *options, *chosen, *words]
        console.note(f"LiteLLM {found} is tested in {copy}; without files that git ignores")
        code = _visible(argv, copy)
        console.note(f"LiteLLM {found} was tested: pytest ended with exit code {code}")
        return code


def checked(version: str) -> None:
    """Check that a text is a release of LiteLLM which may be used.

    Args:
        version: The text.

    Raises:
        UsageError: It is none, or the release is blocked.
    """
    if litellm_releases.parse(version) is None:
        raise InvalidValue("--litellm", found=version, wanted="a version of LiteLLM, like 1.108.7")
    if reason := blocked_versions.reason(version):
        raise UsageError(f"LiteLLM {version} {reason}", fix="name another version")


def copy_files(root: Path, copy: Path, names: Iterable[str]) -> None:
    """Copy files of a checkout, with their folders.

    Args:
        root: The checkout.
        copy: The folder of the copy.
        names: Paths relative to the checkout.
    """
    for name in names:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, copy / name, follow_symlinks=False)


def installed(python: Path) -> str:
    """Return the version of LiteLLM that an environment really has; empty if it has none.

    Args:
        python: The environment's interpreter.
    """
    import subprocess

    done = subprocess.run([python, "-I", "-c", ASK], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def environment() -> dict[str, str]:
    """Return the variables of this process without those that lead back to the checkout or another project."""
    return {name: text for name, text in os.environ.items() if name not in FOREIGN}


def _visible(argv: Sequence[str], folder: Path) -> int:
    console.note("$ " + shlex.join(argv))
    return processes.run_visible(argv, cwd=folder, env=environment())


def _install(argv: Sequence[str], folder: Path) -> None:
    """Run uv; if it fails, say why in one sentence."""
    import subprocess

    console.note("$ " + shlex.join(argv))
    done = subprocess.run(
        argv, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        why = packaging.reason(done).replace(" cause: ", ": ").partition(", we can conclude")[0]
        fix = "name another version" if "No solution found" in why else "correct that, then run the command again"
        raise EnvironmentFailure(f"uv cannot build the environment: {why}", fix=fix)
