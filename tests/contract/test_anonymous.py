"""Providers that get requests without an account, and how the config excludes them.

Source: the same requests to 7.2.137-9
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.conftest import Candidate
from tests.contract.subject import Subject
from tests.contract.tour import Tour

FREE = "kilo-auto/free"
ALL = {"kilo": ["*"], "kilo-gateway": ["*"]}


def owners(subject: Subject) -> set[str]:
    return {one["owned_by"] for one in subject.ask("GET", "/v1/models").json()["data"]}


def chat(subject: Subject, model: str) -> tuple[int, str]:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    answer = subject.ask("POST", "/v1/chat/completions", json=body)
    return answer.status_code, answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ({}, {"kilo", "kilo-gateway"}),
        ({"kilo": ["*"]}, {"kilo-gateway"}),
        ({"kilo-gateway": ["*"]}, {"kilo"}),
        ({"kilo": ["OpenRouter/*"], "kilo-gateway": ["*:free"]}, {"kilo-gateway"}),
        (ALL, set()),
    ],
)
def test_the_config_excludes_their_models(candidate: Candidate, excluded: Any, left: set[str]) -> None:
    subject = candidate.begin(oauth_excluded_models=excluded)
    wanted = left if candidate.contract == "7.2.137" else set()
    assert Tour(subject).until(lambda: owners(subject) == wanted, 60)


def test_a_request_for_an_excluded_model_leaves_for_nobody(candidate: Candidate) -> None:
    subject = candidate.begin(oauth_excluded_models=ALL)
    status, message = chat(subject, FREE)
    assert (status, message) == (400 if "." in candidate.contract[2:] else 502, f"unknown provider for model {FREE}")


def test_without_the_exclusion_a_request_leaves_for_their_provider(candidate: Candidate) -> None:
    subject = candidate.begin()
    newest_fork = candidate.contract == "7.2.137"
    assert Tour(subject).until(lambda: bool(owners(subject)) or not newest_fork, 60)
    status, message = chat(subject, FREE)
    assert (status == 500 and "api.kilo.ai" in message) is newest_fork
