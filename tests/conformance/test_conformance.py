"""FlowGate has the expected result in each case, and so has the real `ansible-playbook`, if it is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.errors import FlowGateError
from tests.conformance import ours, theirs
from tests.conformance.case import CASES, Case, Observed, case_name
from tests.conformance.theirs import with_ansible
from tests.conftest import CHECKOUT

BY_NAME = {case.name: case for case in CASES}
SAMPLE = (
    *("when_on_block", "vars_play_block_task", "import_tasks", "facts_across_plays", "rescue_nested"),
    *("handler_after_flush", "conditions_of_other_types"),  # a failure ends the run, so the one that fails is last
)
TOGETHER = [case for case in CASES if theirs.can_share(case)]


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_flowgate_has_the_expected_result(case: Case, tmp_path: Path) -> None:
    if case.refused:
        with pytest.raises(FlowGateError) as refused:
            ours.run(case, tmp_path)
        assert case.refused in str(refused.value) + str(getattr(refused.value, "errors", ""))
    else:
        assert ours.run(case, tmp_path) == case.expected


@pytest.mark.parametrize("case", [case for case in CASES if case.differs], ids=case_name)
def test_the_documentation_lists_each_difference(case: Case) -> None:
    page = (CHECKOUT / "docs" / "playbooks.md").read_text(encoding="utf-8")
    table = page.partition("## Where we differ from Ansible")[2]
    assert case.differs in [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()]
    assert case.ansible != case.expected


def test_there_are_at_least_60_cases() -> None:
    assert len(CASES) >= 60
    assert len([case for case in CASES if not case.differs]) >= 60


@with_ansible
def test_ansible_has_the_expected_results_in_a_sample(tmp_path: Path) -> None:
    cases = [BY_NAME[name] for name in SAMPLE]
    observed = theirs.run_together(cases, tmp_path)
    assert observed == {case.name: case.ansible for case in cases}


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Observed]:
    return theirs.run_together(TOGETHER, tmp_path_factory.mktemp("together"))


@with_ansible
@pytest.mark.long
@pytest.mark.parametrize("case", TOGETHER, ids=case_name)
def test_ansible_has_the_expected_result_beside_other_cases(case: Case, observed: dict[str, Observed]) -> None:
    assert observed.get(case.name, "did not run") == case.ansible
