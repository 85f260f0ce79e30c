"""Pages of the documentation, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from flowgate.cli.argv import parse
from flowgate.cli.help import describe_task
from flowgate.cli.main import load_tasks
from tests.conftest import CHECKOUT, Workspace

# Tasks that are parsed only, and why.
WORKFLOW = {  # a contributor's own: they change this checkout, run these tests, or take minutes
    *("test", "lint", "format", "typecheck", "docs", "ci", "bench", "build", "release", "clean"),
}
NOT_RUN = {
    **dict.fromkeys(("client.run", "client.test"), "start a client program; tests/live/test_client_run.py runs them"),
    **dict.fromkeys(("client.add", "client.remove", "client.rotate"), "change clients; tests/unit/cli/test_clients.py"),
    **dict.fromkeys(("backup", "restore"), "need a passphrase; tests/test_backup.py runs them"),
    "uninstall": "deletes files; tests/test_uninstall.py runs it",
    **dict.fromkeys(("export.kubernetes", "export.compose"), "need images of one's own; tests/unit/export runs them"),
    **dict.fromkeys(("export.systemd", "export.ansible"), "write into this folder; tests/unit/export runs them"),
    "fleet.status": "needs an inventory; tests/test_fleet.py runs it",
    **dict.fromkeys(("service.install", "service.uninstall"), "change the user's units; tests/test_service_install.py"),
    "run": "stays in the foreground; tests/test_run.py runs it",
    "dashboard": "opens a browser; tests/test_dashboard.py starts it",
    "mcp": "serves until its input ends; tests/test_mcp.py starts it",
    "top": "runs until q is pressed; tests/test_top.py starts it",
    "init": "writes into this checkout; tests/test_commands.py runs it",
    "security.install-hook": "writes into this checkout; the unit tests of the security check run it",
    "bootstrap.download": "needs the network",
    "litellm.list": "asks the package index; tests/test_commands.py runs it offline",
    "bootstrap.rollback": "needs an earlier binary",
    "litellm.upgrade": "installs and starts the real LiteLLM",
    "litellm.rollback": "needs an earlier upgrade",
    "rehearse": "starts the real LiteLLM; tests/live/test_rehearse.py runs it",
    "auth.login": "needs a person; tests/live/test_accounts.py runs it",
    "auth.import-headless": "needs a login to import; tests/live/test_accounts.py runs it",
}
LATE = {"smoke": 1, "play": 1, "service.stop": 2, "down": 2}  # may leave a service stopped; others need it
ENDLESS = ("--follow", "--watch", "--step")  # end at Ctrl-C, or ask a person
# Programs of the reader's machine: only their presence is checked, and of these not even that.
OTHERS = {".", "cat", "chmod", "curl", "du", "export", "git", "install", "kill", "mkdir", "python3", "rm", "tar", "uv"}
ABSENT = {
    "${EDITOR:-vi}": "any editor",
    "codex": "a client with an account",
    "debootstrap": "makes a root file system of Debian",
    "kubectl": "the reader's own cluster",
    "loginctl": "part of systemd",
    "pip": "CI may lack it",
    "pipx": "the same",
    "podman": "runs containers",
    "uvx": "downloads a tool",
}
SCRIPTS = {f"scripts/{name}.sh" for name in ("doctor", "security_check", "smoke_local")}
OURS = ("inv", "flowgate")

TASKS = load_tasks()
NAMES = {name.replace("_", "-") for name in TASKS.task_names}


@dataclass(frozen=True)
class Command:
    """One command of a page. exact: it stands in a shell block, not in a sentence."""

    page: str
    text: str
    exact: bool

    @cached_property
    def words(self) -> list[str]:
        """Split it, without variables before it, `uv run`, and the brackets around what is optional."""
        words = shlex.split(self.text if self.exact else re.sub(r"[\[\]]", "", self.text))
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)
        launched = [Path(word).name for word in words[:1]] + words[1:2] == ["uv", "run"]
        return words[2:] if launched and words[2:3] and words[2] in OURS else words

    @property
    def program(self) -> str:
        return self.words[0] if self.words[0].startswith(("scripts/", ".", "$")) else Path(self.words[0]).name

    @property
    def task(self) -> str:
        """Name the task of an `inv` command; empty for a flag of Invoke's own."""
        return self.words[1] if len(self.words) > 1 and not self.words[1].startswith("-") else ""

    @property
    def cut(self) -> bool:
        """Say whether a sentence leaves out what must follow: "`inv ask` costs money", "`--clear` ends it"."""
        wanted = TASKS[self.task].get_arguments() if self.task in NAMES and not self.exact else []
        flags = [f"--{name.replace('_', '-')}" for one in wanted if one.takes_value for name in one.names]
        return self.words[-1] in flags or (len(self.words) == 2 and any(one.positional for one in wanted))

    @property
    def runs(self) -> bool:
        """Say whether it is run here: a whole `inv` command without placeholders."""
        known = self.program == "inv" and self.task in NAMES - WORKFLOW - set(NOT_RUN)
        whole = not any(re.search(r"^[A-Z][A-Z_]*$|…", word) or word in ENDLESS for word in self.words)
        return known and whole and "[" not in self.text and not self.cut


@dataclass(frozen=True)
class Page:
    """One page of the documentation."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(CHECKOUT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text()

    @cached_property
    def files(self) -> dict[str, str]:
        """Give the files that the page shows: name → text; parts of the config are one file each."""
        blocks = re.findall(r"^```\w+ title=\"([^\"]+)\"\n(.*?)^```", self.text, re.DOTALL | re.MULTILINE)
        return {title: body for title, body in blocks if title != CONFIG}

    @cached_property
    def settings(self) -> list[Any]:
        """Give the parts of a config that the page shows."""
        blocks = re.findall(rf"^```yaml title=\"{CONFIG}\"\n(.*?)^```", self.text, re.DOTALL | re.MULTILINE)
        return [yaml.safe_load(one) for one in blocks]

    @cached_property
    def shell(self) -> str:
        """Give all shell blocks, also indented ones."""
        return "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```", self.text, re.DOTALL | re.MULTILINE))

    def commands(self) -> Iterator[Command]:
        """Give the commands of shell blocks, and those in sentences that begin with a known program."""
        for line in self.shell.replace("\\\n", " ").splitlines():
            for part in re.sub(r" +#.*", "", line).split(" && "):
                if part.strip():
                    yield Command(self.name, part.strip(), exact=True)
        sentences = re.sub(r"^ *```.*?^ *```", "", self.text, flags=re.DOTALL | re.MULTILINE)
        for text in re.findall(r"`([^`\n]+)`", sentences):
            if text.partition(" ")[0] in {*OURS, *OTHERS, "uv"} - {"."} and " " in text:
                yield Command(self.name, text, exact=False)


CONFIG = "config/flowgate.yaml"
FOUND = {*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")} - {CHECKOUT / "CHANGELOG.md"}
PAGES = sorted(map(Page, FOUND), key=lambda page: page.name)
ALL = [command for page in PAGES for command in page.commands()]


def parsed(words: list[str]) -> None:
    """Parse what follows `inv` or `flowgate`; UsageError for anything unknown or missing."""
    if words[0] == "--help" and len(words) > 1:
        assert words[1] in NAMES
    elif words[0] not in ("--list", "TASK"):
        parse(words, NAMES, lambda name: describe_task(TASKS, name).arguments)


def check(command: Command) -> None:
    """Fail for a command that does not exist."""
    words = command.words[1:]
    if command.program in OURS and words:
        parsed([*words, "VALUE"] if command.cut else words)
    assert command.program in {*OURS, *OTHERS, *ABSENT, *SCRIPTS}, f"{command.page}: unknown program: {command.text}"


def run(workspace: Workspace, commands: list[Command]) -> str:
    """Run commands on a sound stack, in one process: tasks chain. The folder is the test's own."""
    (workspace.folder / "reports").mkdir(exist_ok=True)  # as the page on CI says
    there = ("sh", "-c", 'cd "$0" && exec "$@"', str(workspace.folder))
    ordered = sorted(commands, key=lambda one: LATE.get(one.task, 0))
    middle = [word for one in ordered for word in one.words[1:]]
    done = workspace.start(
        "--no-dedupe", "--search-root", str(CHECKOUT), "up", *middle, "down", before=there
    ).wait_for_exit(600.0)
    assert done.returncode == 0, done.stderr
    assert workspace.nothing_runs()
    return done.stdout
