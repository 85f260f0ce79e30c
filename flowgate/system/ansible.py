"""Run `ansible-playbook`, which comes with FlowGate's extra `fleet` or is installed beside it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from flowgate.errors import ProgramMissing
from flowgate.system.files import find_program
from flowgate.system.watched_command import run_watched

PROGRAM = "ansible-playbook"
REQUEST = "FLOWGATE_FLEET_REQUEST"  # the variable that names the file with what each host is to do
FORKS = "50"


def find() -> str:
    """Return the path of `ansible-playbook`: beside this Python, else in PATH.

    Raises:
        ProgramMissing: It is not installed.
    """
    found = find_program(PROGRAM, str(Path(sys.executable).parent)) or find_program(PROGRAM, None)
    if found is None:
        raise ProgramMissing(f"{PROGRAM} is not installed", fix='pip install "flowgate-llm[fleet]"')
    return found


def run(words: Sequence[str], *, request: Path, callback: str, on_line: Callable[[str], None]) -> int:
    """Run `ansible-playbook` in the working folder; the user's own Ansible settings hold.

    Args:
        words: The words after the program's name.
        request: The file with what each host is to do.
        callback: The plugin that prints.
        on_line: Is called with each line of its output and error output.

    Returns:
        Its exit code; negative for a signal.

    Raises:
        ProgramMissing: It is not installed.
    """
    return run_watched(
        [find(), *words], cwd=Path.cwd(), on_line=on_line, environment=_environment(request, callback, os.environ.get)
    )


def _environment(request: Path, callback: str, known: Callable[[str, str], str]) -> dict[str, str]:
    """Return the variables that differ from this process' own.

    Source: ansible-core 2.19, `config/base.yml`; the program refuses a locale that is not UTF-8.
    """
    locale = known("LC_ALL", "") or known("LC_CTYPE", "") or known("LANG", "")
    is_utf8 = locale.lower().replace("-", "").endswith("utf8")
    return {
        REQUEST: str(request),
        "ANSIBLE_STDOUT_CALLBACK": callback,
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": known("ANSIBLE_FORKS", "") or FORKS,
        "ANSIBLE_RETRY_FILES_ENABLED": "0",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
        "ANSIBLE_HOST_PATTERN_MISMATCH": "error",
        "ANSIBLE_PYTHON_INTERPRETER": known("ANSIBLE_PYTHON_INTERPRETER", "") or "auto_silent",
        **({} if is_utf8 else {"LC_ALL": "C.UTF-8"}),
    }
