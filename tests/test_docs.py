"""Every command in the documentation works. What is not run is listed in `documentation.py`, with the reason."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT, Workspace
from tests.documentation import ABSENT, ALL, NOT_RUN, OTHERS, OURS, PAGES, SCRIPTS, Command, Page, check, run

OWN = [page for page in PAGES if page.files or page.settings]  # each of them gets a stack of its own
EACH = {f"{command.page}: {command.text}": command for command in ALL}
by_name = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_the_documentation_holds_commands() -> None:
    assert sum(command.runs for command in ALL) > 60
    assert {command.page for command in ALL} >= {"README.md", "docs/tutorial.md", "docs/runbook-troubleshooting.md"}


@pytest.mark.parametrize("command", EACH.values(), ids=EACH)
def test_every_command_exists_with_its_flags(command: Command) -> None:
    check(command)


@pytest.mark.parametrize(
    "text", ["inv nonsense", "inv status --nonsense", "inv profile.set", "flowgate nonsense", "dd x"]
)
def test_an_unknown_command_is_found(text: str) -> None:
    with pytest.raises(Exception, match=r"nonsense|needs NAME|unknown program"):
        check(Command("a page", text, exact=True))


@by_name
def test_shell_blocks_are_shell(page: Page) -> None:
    done = subprocess.run(["sh", "-n"], input=page.shell, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_programs_are_there() -> None:
    named = {command.program for command in ALL} - {*OURS, *ABSENT, *SCRIPTS, ".", "export"}
    assert [name for name in sorted(named) if not shutil.which(name)] == []
    assert [name for name in SCRIPTS if not (CHECKOUT / name).is_file()] == []


def test_every_exception_has_a_command() -> None:
    assert set(NOT_RUN) - {command.task for command in ALL} == set()
    assert {*OTHERS, *ABSENT} - {command.program for command in ALL} == set()


@by_name
def test_links_and_paths_lead_somewhere(page: Page) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.text)
    assert [link for link in links if not (page.path.parent / link).exists()] == []
    paths = re.findall(r"`((?:docs|scripts|playbooks|config/examples|flowgate|tests|dev)/[\w./-]+)`", page.text)
    real = [path for path in paths if not re.search(r"[A-Z]{3}", path)]  # "flowgate/steps/VERB.py" stands for any
    assert [path for path in real if not (CHECKOUT / path).exists()] == []


# --- run


def merged(old: Any, new: Any) -> Any:
    """Merge a part into a config: mappings merge, lists grow, the rest is replaced."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{name: merged(old.get(name), value) for name, value in new.items()}}
    return [*old, *new] if isinstance(old, list) and isinstance(new, list) else new


def test_the_commands_of_all_pages_work(workspace: Workspace) -> None:
    elsewhere = {page.name for page in OWN}
    texts = {shlex.join(one.words): one for one in ALL if one.runs and one.page not in elsewhere}
    printed = run(workspace, [texts[text] for text in sorted(texts)])
    assert printed.count("PASS  ") == sum(one.task == "smoke" for one in texts.values()) > 2


@pytest.mark.parametrize("page", OWN, ids=lambda page: page.name)
def test_a_page_that_shows_files_works_with_them(page: Page, workspace: Workspace) -> None:
    tree = yaml.safe_load(workspace.config.read_text())
    for part in page.settings:
        tree = merged(tree, part)
    workspace.config.write_text(yaml.safe_dump(tree, sort_keys=False))
    for name, text in page.files.items():
        (workspace.folder / name).parent.mkdir(exist_ok=True)
        (workspace.folder / name).write_text(text)
    books = [f"inv play {name} --syntax-check" for name, text in page.files.items() if "tasks:" in text]
    commands = {one.text: one for one in page.commands() if one.runs}
    run(workspace, [*(Command(page.name, text, exact=True) for text in books), *commands.values()])


def test_the_key_is_where_the_pages_say(workspace: Workspace) -> None:
    assert 'cat "$(inv key.path)"' in {command.text for command in ALL}
    assert Path(run(workspace, [Command("", "inv key.path", exact=True)]).strip()).read_text().startswith("sk-")
