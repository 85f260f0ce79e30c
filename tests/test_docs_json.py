"""docs/json.md lists every key that `--json` prints, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import CHECKOUT, Workspace
from tests.documentation import NAMES, TASKS, Command, run

DOCUMENTS = (
    *(
        "status",
        "stacks",
        "health",
        "profile.list",
        "profile.show",
        "profile.diff",
        "key.path",
        "explain",
        "usage",
        "audit",
        "budgets",
        "quota",
        "dashboard",
        "cooldowns",
        "auth.list",
        "auth.status",
        "bootstrap.sources",
        "litellm.list",
        "client.list",
    ),
    *("doctor", "security.check", "steps", "events"),
)
NOT_SEEN = {
    "client.test": "needs a running gateway: tests/live/test_client_run.py",
    "fleet.status": "needs an inventory: tests/test_fleet.py",
    "rehearse": "starts the real LiteLLM",
    "litellm.upgrade": "installs and starts the real LiteLLM",
    "ask": "needs a running gateway: tests/test_commands.py",
}


def documented() -> dict[str, set[str]]:
    """Give the keys that docs/json.md lists, by command."""
    sections = re.split(r"^## ", (CHECKOUT / "docs" / "json.md").read_text(), flags=re.MULTILINE)[1:]
    found = {one.partition("\n")[0]: set(re.findall(r"^\| `([^`]+)` \|", one, re.MULTILINE)) for one in sections}
    common = found.pop("Every document")
    return {name: keys | common for heading, keys in found.items() for name in heading.split(" and ")}


def paths(tree: Any, keys: set[str], at: str = "") -> Iterator[tuple[str, bool]]:
    """Give every path of a document as the page writes it, and whether it is a leaf."""
    deeper = at == "" or any(key.startswith((f"{at}.", f"{at}[")) for key in keys)
    yield at, not (deeper and isinstance(tree, (dict, list)))
    if isinstance(tree, list) and (deeper or f"{at}[]" in keys):
        for one in tree:
            yield from paths(one, keys, f"{at}[]")
    if isinstance(tree, dict) and deeper:
        star = f"{at}.*"
        named = any(key == star or key.startswith((f"{star}.", f"{star}[")) for key in keys)
        for name, value in tree.items():
            yield from paths(value, keys, star if named else f"{at}.{name}".lstrip("."))


def differences(tree: Any, keys: set[str]) -> list[str]:
    """List keys that are printed and not documented, and keys that are documented and missing beside their siblings."""
    found = dict(paths(tree, keys))
    unknown = [f"not documented: {path}" for path, leaf in found.items() if leaf and path not in {*keys, ""}]
    absent = [key for key in keys - set(found) if not key.endswith(("*", "[]")) and key.rpartition(".")[0] in found]
    containers = {path for path, leaf in found.items() if not leaf}
    return [*unknown, *(f"not printed: {key}" for key in absent if key.rpartition(".")[0] in containers)]


def test_the_page_lists_every_command_that_takes_json() -> None:
    takes = {
        name for name in NAMES if any(one.name == "json" and one.kind is bool for one in TASKS[name].get_arguments())
    }
    assert takes == {*DOCUMENTS, *NOT_SEEN} == set(documented())


def test_every_key_is_documented_and_every_documented_key_is_printed(workspace: Workspace) -> None:
    account = workspace.folder / ".router" / "auths" / "codex-a.json"
    account.parent.mkdir(parents=True, mode=0o700)
    account.write_text('{"type": "codex", "email": "a@example.org"}')
    account.chmod(0o600)
    run(workspace, [Command("docs/json.md", "inv client.add laptop", exact=True)])
    more = {"events": " --lines 1", "profile.diff": " balanced cost", "litellm.list": " --offline"}
    typed = [f"inv {name}{more.get(name, '')} --json" for name in DOCUMENTS]
    text = run(workspace, [Command("docs/json.md", one, exact=True) for one in typed])
    keys = documented()
    wrong = []
    for name in DOCUMENTS:
        tree, end = json.JSONDecoder().raw_decode(text)
        text = text[end:].lstrip()
        wrong += [f"{name}: {one}" for one in differences(tree, keys[name])]
    assert wrong == []


@pytest.mark.parametrize(
    ("tree", "wrong"),
    [
        ({"a": {"x": {"n": 1}}, "l": [{"k": 1}]}, []),
        ({"a": {"x": {"n": 1, "m": 2}}, "l": []}, ["not documented: a.*.m"]),
        ({"a": {"x": {}}, "l": [{"j": 1}]}, ["not documented: l[].j", "not printed: a.*.n", "not printed: l[].k"]),
    ],
)
def test_a_key_too_many_and_a_key_too_few_are_found(tree: Any, wrong: list[str]) -> None:
    assert sorted(differences(tree, {"a.*.n", "l[].k"})) == wrong
