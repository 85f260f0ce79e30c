"""The examples in docs/playbooks.md are valid, and every keyword is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowgate.playbook.builtin import STEPS
from flowgate.playbook.catalog import Catalog, steps_in
from flowgate.playbook.check import check
from flowgate.playbook.keywords import LOOP_READERS, TASK_READERS
from flowgate.playbook.parse import BLOCK_READERS, PLAY_READERS, parse

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs" / "playbooks.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_in_the_documentation_is_valid(example: str, tmp_path: Path) -> None:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks" / "more.yml").write_text("- start: { service: '{{ service }}' }")
    plays = parse(example, str(tmp_path / "example.yml"))
    check(plays, Catalog(steps_in("flowgate.steps")), ())


@pytest.mark.parametrize("word", sorted({*PLAY_READERS, *TASK_READERS, *BLOCK_READERS, *LOOP_READERS, *STEPS}))
def test_every_keyword_and_step_is_documented(word: str) -> None:
    assert f"`{word}`" in TEXT or f"`{word}:`" in TEXT
