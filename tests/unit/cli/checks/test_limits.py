"""The check of the limit of open files."""

from __future__ import annotations

import pytest

from flowgate.cli.checks import limits


@pytest.mark.parametrize(("hard", "status"), [(256, "warn"), (4095, "warn"), (4096, "pass"), (1_048_576, "pass")])
def test_a_low_hard_limit_is_a_warning_with_its_consequence(hard: int, status: str) -> None:
    found = limits.judge(hard)
    assert (found.status, str(hard) in found.message, bool(found.fix)) == (status, True, status == "warn")


def test_the_limit_of_this_machine_can_be_read() -> None:
    assert [one.check for one in limits.limits()] == ["limits"]
