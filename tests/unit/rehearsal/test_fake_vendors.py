"""How a fault is sent to the fake vendors."""

from __future__ import annotations

import pytest

from flowgate.rehearsal.fake_vendors import fault_body
from flowgate.rehearsal.scenarios import Fault


@pytest.mark.parametrize(("scale", "seconds"), [(0.1, 3), (0.001, 1)])
def test_retry_after_is_scaled_and_at_least_a_second(scale: float, seconds: int) -> None:
    body = {"status": 429, "retry_after": seconds, "every": 1}
    assert fault_body(Fault(status=429, retry_after=30), scale) == body


def test_a_vendor_that_accepts_requests_is_not_told_to_refuse_connections() -> None:
    assert fault_body(Fault(refuses=True), scale=1.0) == {"every": 1}
