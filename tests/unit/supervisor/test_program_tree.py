"""Programs as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowgate.domain import Program, Secret
from flowgate.domain.request_rules import RequestRules
from flowgate.supervisor.program_tree import from_tree, to_tree
from flowgate.supervisor.request_rules_tree import request_rules_from_tree

RULES = RequestRules(
    key_source="a:b",
    name_source="a:c",
    key_headers=("X-Key",),
    own_keys=("DATABASE_URL",),
    open_paths=("/health",),
    unchecked_paths=("/x/",),
    models=("m",),
    further_models=("id",),
    patterns=("p/*",),
    any_model=False,
    model_optional=("moderations",),
    refused={"m": ("embeddings",)},
)


@pytest.mark.parametrize("rules", [RULES, RequestRules()])
def test_a_program_survives_json(tmp_path: Path, rules: RequestRules) -> None:
    program = Program(
        service="litellm",
        argv=("x",),
        cwd=tmp_path,
        env={"KEY": Secret("sk")},
        app=None,
        host="127.0.0.1",
        port=4000,
        readiness_path="/",
        log=tmp_path / "log",
        documents=(),
        labels={},
        digest="digest",
        request_rules=rules,
    )
    assert from_tree(json.loads(json.dumps(to_tree(program, secrets=True)))).request_rules == rules


def test_a_worker_of_an_earlier_version_has_no_rules() -> None:
    assert request_rules_from_tree(None) == RequestRules()
