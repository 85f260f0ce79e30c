"""Bounds of Python versions."""

from __future__ import annotations

import pytest

from flowgate.system.python_bounds import supports


@pytest.mark.parametrize(
    "bounds, fulfilled",
    [
        *(
            (">=3.11", True),
            (">=3.12", False),
            ("<3.12", True),
            ("<3.11", False),
            ("<=3.11", False),
            ("<=3.11.7", True),
        ),
        *((">3.11", True), (">3.11.7", False), ("==3.11.*", True), ("==3.12.*", False), ("!=3.11.*", False)),
        *(("!=3.11.7", False), ("==3.11.7", True), ("~=3.10", True), ("~=3.11.8", False), ("~=3.11.2", True)),
        *((">=3.10,<3.16", True), (" >= 3.10 , < 3.11 ", False), ("", True), ("nonsense", True), ("<4", True)),
    ],
)
def test_bounds_are_read_as_pep_440_says(bounds: str, fulfilled: bool) -> None:
    assert supports(bounds, (3, 11, 7)) is fulfilled
