"""Run uv: with a time limit, without leaving it behind, and with the user's own settings of package indexes."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from flowgate.errors import ProgramMissing
from flowgate.system import bound_command, package_index
from flowgate.system.command import CommandResult

# They name another environment or other versions than ours, or take away a check.
DROPPED = frozenset(
    (
        *("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP"),
        *("UV_PYTHON", "UV_SYSTEM_PYTHON", "UV_TARGET", "UV_PREFIX", "UV_BREAK_SYSTEM_PACKAGES"),
        *(
            "UV_NO_VERIFY_HASHES",
            "UV_REQUIRE_HASHES",
            "UV_VERIFY_HASHES",
            "UV_NO_DEPS",
            "UV_NO_BINARY",
            "UV_NO_BINARY_PACKAGE",
        ),
        *("UV_RESOLUTION", "UV_PRERELEASE", "UV_CONSTRAINT", "UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER"),
        *("UV_PROJECT", "UV_WORKING_DIR", "UV_WORKING_DIRECTORY"),
        *("UV_VENV_SEED", "UV_VENV_CLEAR", "UV_VENV_RELOCATABLE", "UV_COMPILE_BYTECODE", "RUST_LOG"),
    )
)
CREDENTIALS = re.compile(r"://[^/@\s'\"]+@")
SIGNED = re.compile(r"(https?://[^\s?'\"`]+)\?[^\s'\"`)]+")


def find(environment: Mapping[str, str]) -> list[str]:
    """Return the command that starts uv: the one that started us, beside our Python, in the PATH, or as a module.

    Args:
        environment: The command's environment variables.

    Raises:
        ProgramMissing: There is no uv.
    """
    if (started_by := environment.get("UV", "")) and shutil.which(started_by):
        return [started_by]
    beside = Path(sys.executable).with_name("uv")
    if beside.is_file():
        return [str(beside)]
    if found := shutil.which("uv", path=environment.get("PATH", "")):
        return [found]
    if importlib.util.find_spec("uv") is not None:
        return [sys.executable, "-m", "uv"]
    fix = f"{sys.executable} -m pip install uv, or install it as its documentation says, then run the command again"
    raise ProgramMissing("uv, which builds the environments of LiteLLM, is not installed", fix=fix)


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return uv's environment: the command's, with pip's index where uv has none, without what leads elsewhere.

    Args:
        own: The command's environment variables.
    """
    kept = {name: value for name, value in own.items() if name not in DROPPED}
    if kept.get("UV_LINK_MODE") == "symlink":  # the environment would end with uv's cache
        del kept["UV_LINK_MODE"]
    return kept | package_index.from_pip(own) | {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never"}


def run(words: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float) -> CommandResult:
    """Run uv to its end.

    Args:
        words: Its arguments.
        cwd: The working folder.
        env: The command's environment variables.
        timeout: Seconds until it is ended.

    Returns:
        Exit code and output; no credentials are in it.

    Raises:
        ProgramMissing: There is no uv.
        Unreachable: The time limit has passed.
    """
    ran = bound_command.run([*find(env), *words], cwd=cwd, env=environment(env), timeout=timeout)
    return CommandResult(ran.code, ran.stdout, without_credentials(ran.stderr))


def without_credentials(text: str) -> str:
    """Return a text without user names, passwords and signatures in its URLs.

    Args:
        text: The text.
    """
    return SIGNED.sub(r"\1?***", CREDENTIALS.sub("://***@", text))
