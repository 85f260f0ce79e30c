"""Cases that fail or need options: each has its own run of `ansible-playbook`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import theirs
from tests.conformance.case import CASES, Case, case_name
from tests.conformance.theirs import with_ansible

ALONE = [case for case in CASES if not theirs.can_share(case)]


@with_ansible
@pytest.mark.long
@pytest.mark.parametrize("case", ALONE, ids=case_name)
def test_ansible_has_the_expected_result(case: Case, tmp_path: Path) -> None:
    assert theirs.run(case, tmp_path) == case.ansible
