"""Each behaviour comes out as written: with our engine always, with the real `ansible-playbook` where there is one."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.errors import Refusal
from tests.play.conformance import ours, theirs
from tests.play.conformance.case import CASES, Case

SAMPLE: tuple[str, ...] = ()
BY_NAME = {case.name: case for case in CASES}
with_ansible = pytest.mark.skipif(bool(theirs.ABSENT), reason=theirs.ABSENT)


def named(case: Case) -> str:
    return case.name


@pytest.mark.parametrize("case", CASES, ids=named)
def test_our_engine_does_what_is_written(case: Case, tmp_path: Path) -> None:
    if case.refused:
        with pytest.raises(Refusal, match=case.refused):
            ours.run(case, tmp_path)
    else:
        assert ours.run(case, tmp_path) == case.expected


@with_ansible
@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=named)
def test_ansible_does_what_is_written(case: Case, tmp_path: Path) -> None:
    assert theirs.run(case, tmp_path) == case.ansible
