"""Run `ansible-playbook`, which comes with FlowGate's extra `fleet` or is installed beside it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from flowgate.errors import ProgramMissing
from flowgate.system.files import find_program
from flowgate.system.missing_package import install_command
from flowgate.system.watched_command import run_watched

PROGRAM = "ansible-playbook"
REQUEST = "FLOWGATE_FLEET_REQUEST"  # the variable that names the file with what each host is to do
RUN = "FLOWGATE_FLEET_RUN"  # the variable, on the hosts, with the name of a run that can be interrupted
FORKS = "50"


def find() -> str:
    """Return the path of `ansible-playbook`: beside this Python, else in PATH.

    Raises:
        ProgramMissing: It is not installed.
    """
    found = find_program(PROGRAM, str(Path(sys.executable).parent)) or find_program(PROGRAM, None)
    if found is None:
        raise ProgramMissing(f"{PROGRAM} is not installed", fix=install_command("fleet", "ansible-core"))
    return found


class Playbook:
    """One run of `ansible-playbook`, which another thread may wait for or end."""

    def __init__(self, request: Path, callback: str) -> None:
        """Create it; nothing runs yet.

        Args:
            request: The file with what each host is to do.
            callback: The plugin that prints.
        """
        self.has_ended = False
        self._request, self._callback, self._is_to_end = request, callback, False
        self._process: subprocess.Popen[str] | None = None

    def run(self, words: Sequence[str], on_line: Callable[[str], None]) -> int:
        """Run it in the working folder; the user's own Ansible settings hold.

        Args:
            words: The words after the program's name.
            on_line: Is called with each line of its output and error output.

        Returns:
            Its exit code; negative for a signal.

        Raises:
            ProgramMissing: It is not installed.
        """
        environment = _environment(self._request, self._callback, os.environ.get)
        try:
            return run_watched(
                [find(), *words], cwd=Path.cwd(), on_line=on_line, environment=environment, on_start=self._note_start
            )
        finally:
            self.has_ended = True

    def wait(self, seconds: float) -> None:
        """Wait for its end, at most so long."""
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def end(self) -> None:
        """End it at once, or as soon as it has started."""
        self._is_to_end = True
        if self._process:
            self._process.terminate()

    def _note_start(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        if self._is_to_end:
            process.terminate()


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
