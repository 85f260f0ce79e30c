"""Behaviours that fail, or need something of the command line: each in a run of `ansible-playbook` of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import theirs
from tests.conformance.case import CASES, Case, named
from tests.conformance.theirs import with_ansible

ALONE = [case for case in CASES if not theirs.fits(case)]


@with_ansible
@pytest.mark.long
@pytest.mark.parametrize("case", ALONE, ids=named)
def test_ansible_does_what_is_written(case: Case, tmp_path: Path) -> None:
    assert theirs.run(case, tmp_path) == case.ansible
