"""Each behaviour comes out as written: with our engine always, with the real `ansible-playbook` where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.errors import FlowGateError
from tests.conformance import ours, theirs
from tests.conformance.case import CASES, Came, Case, named
from tests.conformance.theirs import with_ansible
from tests.conftest import CHECKOUT

BY_NAME = {case.name: case for case in CASES}
SAMPLE = (
    *("when_on_block", "vars_play_block_task", "import_tasks", "facts_across_plays", "rescue_nested"),
    *("handler_after_flush", "conditions_of_other_types"),  # the last one may fail
)
TOGETHER = [case for case in CASES if theirs.fits(case)]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_our_engine_does_what_is_written(case: Case, tmp_path: Path) -> None:
    if case.refused:
        with pytest.raises(FlowGateError) as refused:
            ours.run(case, tmp_path)
        assert case.refused in str(refused.value) + str(getattr(refused.value, "faults", ""))
    else:
        assert ours.run(case, tmp_path) == case.expected


@pytest.mark.parametrize("case", [case for case in CASES if case.differs], ids=named)
def test_where_the_engines_differ_the_table_says_so(case: Case) -> None:
    page = (CHECKOUT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    table = page.partition("## Where we differ from Ansible")[2]
    assert case.differs in [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()]
    assert case.ansible != case.expected


def test_there_are_enough_behaviours() -> None:
    assert len(CASES) >= 60
    assert len([case for case in CASES if not case.differs]) >= 60


@with_ansible
def test_ansible_does_what_is_written_in_a_sample(tmp_path: Path) -> None:
    cases = [BY_NAME[name] for name in SAMPLE]
    came = theirs.run_together(cases, tmp_path)
    assert came == {case.name: case.ansible for case in cases}


@pytest.fixture(scope="module")
def came(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Came]:
    return theirs.run_together(TOGETHER, tmp_path_factory.mktemp("together"))


@with_ansible
@pytest.mark.long
@pytest.mark.parametrize("case", TOGETHER, ids=named)
def test_ansible_does_what_is_written_beside_others(case: Case, came: dict[str, Came]) -> None:
    assert came.get(case.name, "did not run") == case.ansible
