from __future__ import annotations

import json
from pathlib import Path

from flowgate.errors import NotReady
from flowgate.model import Outcome, Report, Secret
from flowgate.play.report import recap, tree


def outcome(status: str, error: BaseException | None = None) -> Outcome:
    facts = {"path": Path("a"), "key": Secret("sk-1"), "nan": float("nan"), "many": {1}, "by": {1: (2,)}}
    return Outcome("t", "write", status, "said", 1.23456, "f.yml:1:1", facts, error)


def report(*outcomes: Outcome, error: BaseException | None = None) -> Report:
    return Report("p", outcomes, error, 3 if error else 0, 2.0)


def test_each_task_is_counted_once() -> None:
    statuses = ["same", "same", "changed", "skipped", "failed", "rescued", "ignored"]
    counts = recap(report(*map(outcome, statuses)))
    assert counts == {"ok": 2, "changed": 1, "skipped": 1, "failed": 1, "rescued": 1, "ignored": 1}


def test_a_report_becomes_json_without_secrets() -> None:
    text = json.dumps(tree(report(outcome("same"))), allow_nan=False)
    task = json.loads(text)["tasks"][0]
    assert task["facts"] == {"path": "a", "key": "Secret(…)", "nan": "nan", "many": [1], "by": {"1": [2]}}
    assert task["seconds"] == 1.235


def test_an_error_keeps_its_kind_hint_and_log() -> None:
    error = NotReady("litellm did not come up", hint="look", log=["last line"])
    found = tree(report(outcome("failed", error), error=error))
    wanted = {
        "kind": "NotReady",
        "what": "litellm did not come up",
        "hint": "look",
        "place": "",
        "log": ["last line"],
    }
    assert found["error"] == found["tasks"][0]["error"] == wanted
    assert (found["version"], found["code"]) == (1, 3)


def test_a_bug_is_told_by_its_kind() -> None:
    assert tree(report(error=KeyError("x")))["error"]["kind"] == "KeyError"
