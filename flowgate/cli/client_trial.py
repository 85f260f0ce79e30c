"""One run of a client program: without a terminal, in a folder of its own, without the user's variables."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowgate.clients import owned_values
from flowgate.gateway.proxy_exceptions import plain_without_proxy
from flowgate.system import bound_command, files
from flowgate.system.disk_errors import make_private_folder

if TYPE_CHECKING:
    from flowgate.clients.program import ClientProgram, Endpoint, Machine
    from flowgate.system.command import CommandResult

VERSION_SECONDS = 60.0
# What a program gets of the user's environment. Everything else could lead it elsewhere.
KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS")
QUIET = {"TERM": "dumb", "NO_COLOR": "1", "DO_NOT_TRACK": "1"}
VERSION = re.compile(r"\d+(?:\.\d+)+\S*")
How = Literal["files", "variables"]


def environment(own: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Create the folders of a run, and return its environment.

    Args:
        own: The command's own environment.
        folder: The folder of the run.
    """
    for name in ("home", "work", "tmp"):
        make_private_folder(folder / name)
    kept = {name: own[name] for name in KEPT if name in own}
    return {**kept, **QUIET, "HOME": str(folder / "home"), "TMPDIR": str(folder / "tmp")}


@dataclass(frozen=True, slots=True)
class Trial:
    """One run of a program.

    Attributes:
        program: The client program.
        path: Its file.
        folder: A folder of its own.
        endpoint: The gateway, with the key of this run.
        how: Whether its own files or variables lead it to the gateway.
        env: The part of the user's environment that it gets.
    """

    program: ClientProgram
    path: str
    folder: Path
    endpoint: Endpoint
    how: How
    env: Mapping[str, str]

    def version(self) -> str:
        """Return the program's version; empty if it does not say."""
        said = self._run([self.path, "--version"], self.env, VERSION_SECONDS).stdout
        found = VERSION.search(said)
        return found[0] if found else ""

    def ask(self, question: str, timeout: float) -> CommandResult:
        """Ask one question.

        Args:
            question: The question.
            timeout: Seconds until the program is ended.

        Raises:
            Unreachable: It did not end in time.
        """
        headless = self.program.headless or (lambda words: (words,))
        if self.how == "variables" and self.program.launch is not None:
            start = self.program.launch(self.endpoint)
            argv = [self.path, *start.arguments, *headless(question)]
            return self._run(argv, {**self.env, **start.env}, timeout)
        env = {**self.env, **self.program.headless_env(self.endpoint)}
        return self._run([self.path, *headless(question)], env, timeout)

    def write_files(self, machine: Machine) -> None:
        """Write what `client.add` would write, and what the user would have to choose once by hand.

        Args:
            machine: A machine whose home is in the folder.
        """
        wanted = [*self.program.launch_requires(machine)]
        wanted += self.program.files(machine, self.endpoint) if self.how == "files" else ()
        for one in wanted:
            before = files.read_text_or_none(one.path) or ""
            values = {path: value for path, value in {**one.if_missing, **one.values}.items() if value is not None}
            if values:
                files.write_atomic(one.path, owned_values.write(before, one.format, values).text)

    def _run(self, argv: list[str], env: Mapping[str, str], timeout: float) -> CommandResult:
        return bound_command.run(argv, cwd=self.folder / "work", env=plain_without_proxy(env), timeout=timeout)
