from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flowgate.domain import Outcome, Report, Secret
from flowgate.errors import NotReady
from flowgate.playbook.report import printable, recap, recap_line, report_document


def outcome(status: str, error: BaseException | None = None) -> Outcome:
    facts: dict[str, Any] = {
        "path": Path("a"),
        "key": Secret("sk-1"),
        "nan": float("nan"),
        "many": {1},
        "by": {1: (2,)},
    }
    return Outcome("t", "write", status, "message", 1.23456, "f.yml:1:1", facts, error)


def report(*outcomes: Outcome, error: BaseException | None = None) -> Report:
    return Report("p", outcomes, error, 3 if error else 0, 2.0)


def test_tasks_are_counted_as_ansible_counts_them() -> None:
    statuses = ["unchanged", "unchanged", "changed", "skipped", "failed", "rescued", "ignored"]
    counts = recap(report(*map(outcome, statuses)))
    wanted = {"ok": 4, "changed": 1, "unreachable": 0, "failed": 1, "skipped": 1, "rescued": 1, "ignored": 1}
    assert counts == wanted


def test_the_recap_has_the_names_and_order_of_ansible() -> None:
    line = recap_line(report(outcome("changed"), outcome("unchanged")))
    assert line == "ok=2 changed=1 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0"


def test_a_report_converts_to_json_without_secrets() -> None:
    text = json.dumps(report_document(report(outcome("unchanged"))), allow_nan=False)
    task = json.loads(text)["tasks"][0]
    assert task["facts"] == {"path": "a", "key": "Secret(…)", "nan": "nan", "many": [1], "by": {"1": [2]}}
    assert task["seconds"] == 1.235


def test_an_error_keeps_its_kind_fix_and_log() -> None:
    error = NotReady("litellm did not come up", fix="look", log=["last line"])
    found = report_document(report(outcome("failed", error), error=error))
    wanted = {
        "kind": "NotReady",
        "bug": False,
        "what": "litellm did not come up",
        "fix": "look",
        "place": "",
        "log": ["last line"],
    }
    assert found["error"] == found["tasks"][0]["error"] == wanted
    assert (found["version"], found["code"]) == (1, 3)


def test_a_bug_is_marked_and_keeps_its_type() -> None:
    error = report_document(report(error=KeyError("x")))["error"]
    assert error
    assert (error["kind"], error["bug"]) == ("KeyError", True)


def test_secrets_are_masked_in_every_text() -> None:
    error = NotReady("sk-1 is refused", fix="not sk-1", log=["with sk-1"])
    one = Outcome("say sk-1", "x", "failed", "sk-1", 0.0, "f:1:1", {"out": ["sk-1"]}, error, (), "sk-1", play="sk-1")
    found = report_document(report(one, error=error), lambda text: text.replace("sk-1", "…"))
    assert "sk-1" not in json.dumps(found)


def test_characters_that_xml_forbids_are_replaced() -> None:
    assert printable("a\x1b[0m\ud800\x00\tä\U0001f600") == "a\ufffd[0m\ufffd\ufffd\tä\U0001f600"
