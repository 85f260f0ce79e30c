"""Tests of the number of retries, for each kind of failure and each deployment."""

from __future__ import annotations

from typing import Any

import pytest

from flowgate.gateway.retry_counts import KINDS, RetryCounts


def retries(router: dict[str, Any], *params: dict[str, Any]) -> dict[str, int]:
    entries = [{"model_name": "a", "litellm_params": {"model": "openai/a", **own}} for own in params or ({},)]
    made: Any = {"model_list": entries, "router_settings": router}
    return {kind: RetryCounts(made).most(kind) for kind in KINDS}


@pytest.mark.parametrize(
    ("router", "params", "found"),
    [
        ({}, [{}], [2, 2, 2, 0, 0]),
        ({"num_retries": 0}, [{}], [0, 0, 0, 0, 0]),
        ({"num_retries": 1}, [{"num_retries": 4}], [4, 4, 4, 0, 0]),
        ({"num_retries": 4}, [{"num_retries": 1}], [1, 1, 1, 0, 0]),
        ({"num_retries": 1}, [{}, {}], [1, 1, 1, 1, 0]),
        ({"num_retries": 1, "retry_policy": {"TimeoutErrorRetries": 0}}, [{}], [1, 1, 0, 0, 0]),
        ({"retry_policy": {"TimeoutErrorRetries": 0}}, [{"num_retries": 5}], [5, 5, 0, 0, 0]),
        ({"retry_policy": {"DefaultRetries": 3}}, [{}], [3, 3, 3, 3, 3]),
        ({"retry_policy": {"AuthenticationErrorRetries": 2, "NotFoundErrorRetries": 1}}, [{}], [2, 2, 2, 2, 1]),
        (
            {"retry_policy": {"ServiceUnavailableErrorRetries": 6, "InternalServerErrorRetries": 1}},
            [{}],
            [6, 2, 2, 0, 0],
        ),
        ({"model_group_retry_policy": {"a": {"RateLimitErrorRetries": 5}}}, [{}], [2, 5, 2, 0, 0]),
        (
            {
                "retry_policy": {"TimeoutErrorRetries": 7},
                "model_group_retry_policy": {"a": {"RateLimitErrorRetries": 5}},
            },
            [{}],
            [2, 5, 2, 0, 0],
        ),
        ({"retry_policy": {"TimeoutErrorRetries": None}}, [{}], [2, 2, 2, 0, 0]),
    ],
)
def test_the_setting_that_has_precedence_counts(router: Any, params: Any, found: list[int]) -> None:
    assert list(retries(router, *params).values()) == found
