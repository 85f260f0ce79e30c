"""Add, edit by the user, remove: what is left is byte for byte what the user has."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowgate.clients.formats.common import CannotEdit
from flowgate.clients.owned_values import EDITORS, value_at, write
from flowgate.clients.program import Format
from flowgate.clients.taken_back import take_back
from tests.unit.clients.generated_files import OWNED, Case, json_files, line_files

QUICK, FULL = 40, 300  # generated files of one format


def check_round_trip(case: Case, format_: Format) -> None:
    try:
        written = write(case.text, format_, OWNED[format_])
    except CannotEdit:
        has_open_block = (
            not case.text.endswith("\n") and format_ == "yaml"
        )  # a line end would be part of its last value
        if is_valid(case.text, format_) and not has_open_block:
            raise
        return
    assert all(value_at(written.text, format_, path) == value for path, value in OWNED[format_].items())
    assert write(written.text, format_, OWNED[format_], written.ownership).text == written.text
    back = take_back(case.edit(written.text), format_, written.ownership)
    assert back.text == case.edit(case.text)
    assert not back.kept


def is_valid(text: str, format_: Format) -> bool:
    try:
        EDITORS[format_].parse(text.removeprefix("\ufeff"))
    except CannotEdit:
        return False
    return True


def cases(format_: Format) -> st.SearchStrategy[Case]:
    return json_files() if format_ == "json" else line_files(format_)


def run(format_: Format, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(cases(format_))
    def check(case: Case) -> None:
        check_round_trip(case, format_)

    check()


@pytest.mark.parametrize("format_", OWNED)
def test_removal_leaves_what_the_user_has(format_: Format) -> None:
    run(format_, QUICK)


@pytest.mark.long
@pytest.mark.parametrize("format_", OWNED)
def test_removal_leaves_what_the_user_has_in_many_files(format_: Format) -> None:
    run(format_, FULL)
