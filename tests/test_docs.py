"""What the documents tell people to type: every command is real, and run here or listed with the reason why not."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.cli.main import load_tasks
from tests.conftest import CHECKOUT, Workspace

PAGES = ("runbook-troubleshooting.md", "release-and-rollback.md", "accounts.md", "profiles.md")
PROGRAMS = ("inv", "flowgate", "kill", "chmod", "du", "cat", "git", "uv", "scripts/security_check.sh")
# Tasks whose commands are not run here, and why.
NOT_RUN = {
    "ci": "runs these tests",
    "test": "runs these tests",
    "bench": "measures for minutes",
    "build": "needs the network",
    "release": "runs these tests; tests/desk/test_release.py runs its checks",
    "security.install-hook": "writes into this checkout; tests/desk/test_security.py runs it",
    "bootstrap.download": "needs the network",
    "bootstrap.rollback": "needs a binary to bring back",
    "rehearse": "starts the real LiteLLM; tests/live/test_rehearse.py runs it",
    "auth.login": "needs a person; tests/live/test_accounts.py runs it",
    "auth.import-headless": "needs a login to take over; tests/live/test_accounts.py runs it",
}


def commands() -> Iterator[str]:
    """Give what stands in code, inline and in blocks, and begins with a program's name."""
    for page in PAGES:
        text = (CHECKOUT / "docs" / page).read_text()
        blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
        lines = [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
        inline = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        yield from (one for one in (*lines, *inline) if one.split() and one.split()[0] in PROGRAMS)


ALL = sorted(set(commands()))
TASKS = [one for one in ALL if one.startswith("inv ")]
RUN = [one for one in TASKS if one.split()[1] not in NOT_RUN]


def test_the_documents_hold_commands() -> None:
    assert len(RUN) > 15


@pytest.mark.parametrize("command", TASKS)
def test_every_task_that_is_named_exists_with_its_flags(command: str) -> None:
    name, *words = command.split()[1:]
    known = load_tasks()
    flags = {flag.replace("_", "-") for one in known[name].get_arguments() for flag in one.names}
    typed = [word.lstrip("-") for word in words if word.startswith("--")]
    assert [flag for flag in typed if flag not in flags] == []


def test_every_command_does_what_it_says_on_a_sound_stack(workspace: Workspace) -> None:
    middle = [shlex.split(one)[1:] for one in RUN if one not in ("inv up", "inv down")]
    done = workspace.inv("up", *(word for words in middle for word in words), "down")  # one process: tasks chain
    assert "PASS  balanced" in done.stdout
    assert workspace.is_quiet()


def test_the_key_is_where_the_runbook_says(workspace: Workspace) -> None:
    assert 'cat "$(inv key.path)"' in ALL
    done = workspace.inv("up", "key.path", "down")
    assert Path(done.stdout.strip()).read_text().startswith("sk-")


def test_other_programs_are_there() -> None:
    first = {one.split()[0] for one in ALL} - {"inv", "flowgate", "uv"}
    assert [name for name in sorted(first) if not (shutil.which(name) or (CHECKOUT / name).is_file())] == []


def test_reasons_for_not_running_stand_for_commands_that_are_named() -> None:
    assert set(NOT_RUN) - {one.split()[1] for one in TASKS} == set()


@pytest.mark.parametrize("page", PAGES)
def test_paths_that_are_named_are_there(page: str) -> None:
    named = re.findall(
        r"`((?:docs|scripts|playbooks|config/examples)/[\w./-]+)`", (CHECKOUT / "docs" / page).read_text()
    )
    assert [path for path in named if not (CHECKOUT / path).exists()] == []
