"""Which attempts belong to which request."""

from __future__ import annotations

from flowgate.rehearsal.runner import SentRequest, match_attempts
from flowgate.rehearsal.verdicts import Attempt, ObservedRequest


def test_an_attempt_belongs_to_the_request_that_was_in_progress() -> None:
    sent = [SentRequest(100.0, 1.0), SentRequest(101.0, 0.5), SentRequest(102.0, 0.5, "500 no")]
    attempts = [
        *(Attempt(0.1, "primary", True), Attempt(0.4, "primary", True), Attempt(0.9, "secondary", False)),
        *(Attempt(1.0, "primary", False), Attempt(2.1, "primary", True), Attempt(9.0, "primary", True)),
    ]
    assert match_attempts(sent, attempts, start=100.0) == [
        ObservedRequest(0.0, 1.0, "secondary", {"primary": 2, "secondary": 1}),
        ObservedRequest(1.0, 0.5, "primary", {"primary": 1}),
        ObservedRequest(2.0, 0.5, None, {"primary": 2}, "500 no"),
    ]


def test_nobody_answered_a_request_whose_client_got_an_incomplete_stream() -> None:
    sent = [SentRequest(100.0, 1.0, "the stream ended early")]
    assert match_attempts(sent, [Attempt(0.1, "primary", False)], start=100.0)[0].answered_by is None
