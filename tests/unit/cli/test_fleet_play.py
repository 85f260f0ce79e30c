"""What is read here of a playbook for several hosts, and of what Ansible says about them."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.cli import fleet_play
from flowgate.cli.fleet_interrupt import read_line
from flowgate.cli.fleet_request import FleetRequest, Target
from flowgate.errors import UsageError

OTHER = "- name: Say\n  debug: { msg: hello }\n"
IMPORTS = {
    "a task": "- tasks:\n    - import_tasks: other.yml\n",
    "by its other name": "- tasks:\n    - include: other.yml\n",
    "in a block": "- tasks:\n    - block:\n        - import_tasks: other.yml\n",
    "in a rescue": "- tasks:\n    - block:\n        - debug: { msg: a }\n      rescue:\n        - include: other.yml\n",
    "an empty file": "- tasks:\n    - import_tasks: empty.yml\n",
}


def asked(folder: Path, text: str) -> dict[str, object]:
    (folder / "other.yml").write_text(OTHER)
    (folder / "empty.yml").write_text("[]\n")
    (folder / "own.yml").write_text(text)
    return fleet_play._asked(FleetRequest(str(folder / "own.yml"), Target("hosts.yml")))


@pytest.mark.parametrize("text", IMPORTS.values(), ids=IMPORTS)
def test_a_playbook_that_imports_another_file_is_refused_with_the_place(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"imports another file \(.*/own\.yml:\d+:\d+\)") as refused:
        asked(tmp_path, text)
    assert "imported tasks" in refused.value.fix


@pytest.mark.parametrize("said", ["# no import_tasks here\n", ""])
def test_one_that_only_speaks_of_imports_is_sent(tmp_path: Path, said: str) -> None:
    text = f"{said}- tasks:\n    - debug: {{ msg: import_tasks is a step }}\n"
    assert asked(tmp_path, text)["text"] == text


@pytest.mark.parametrize("line", ['{"flowgate": {"host": "gw1", "sta', '{"flowgate": ', "PLAY [FlowGate] ***", ""])
def test_a_line_that_a_kill_has_cut_says_nothing(line: str) -> None:
    assert read_line(line) is None


def test_a_whole_line_is_read() -> None:
    assert read_line('{"flowgate": {"host": "gw1", "state": "ok"}}') == {"host": "gw1", "state": "ok"}
