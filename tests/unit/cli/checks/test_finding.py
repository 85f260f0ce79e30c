from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flowgate.cli.checks import finding
from flowgate.cli.checks.finding import Finding
from flowgate.errors import DiskError, MultipleErrors, UsageError

FINE, SO_SO, BAD = Finding("a", "pass", "fine"), Finding("b", "warn", "so so", "fix b"), Finding("c", "fail", "bad")


def failing_check() -> Iterator[Finding]:
    raise DiskError("the disk is full", fix="df")


def test_an_error_in_a_check_is_a_finding_and_the_others_run() -> None:
    found = finding.run_checks([("disk", failing_check), ("a", lambda: [FINE])])
    assert found == [Finding("disk", "fail", "the disk is full", "df"), FINE]


def test_each_error_of_a_config_is_a_finding_that_opens_its_line() -> None:
    errors = MultipleErrors(
        "f.yaml", [UsageError("one", place="/my files/f.yaml:3"), UsageError("two", place="f.yaml:4:5")]
    )
    found = finding.config_findings(errors)
    assert [one.fix for one in found] == ["${EDITOR:-vi} +3 '/my files/f.yaml'", "${EDITOR:-vi} +4 f.yaml"]


def test_a_config_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(UsageError, match="does not exist"):
        finding.config_findings(UsageError("it does not exist"))


@pytest.mark.parametrize("found, code", [([FINE, SO_SO], 0), ([FINE, BAD], 1)])
def test_the_exit_code_is_1_if_a_check_failed(found: list[Finding], code: int) -> None:
    assert finding.print_findings(found, as_json=False, config="f") == code


def test_findings_go_to_stdout_with_the_fix_below(capsys: pytest.CaptureFixture[str]) -> None:
    finding.print_findings([SO_SO], as_json=False, config="f", fixed=["made it"])
    printed = capsys.readouterr()
    assert [line.split() for line in printed.out.splitlines()] == [["warn", "b", "so", "so"], ["fix:", "fix", "b"]]
    assert printed.err == "~ made it\n0 pass, 1 warn, 0 fail\n"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    finding.print_findings([FINE, BAD], as_json=True, config="f.yaml")
    tree = json.loads(capsys.readouterr().out)
    assert (tree["ok"], tree["config"], tree["counts"]) == (False, "f.yaml", {"pass": 1, "warn": 0, "fail": 1})
    assert tree["findings"][1] == {"check": "c", "status": "fail", "message": "bad", "fix": "", "detail": ""}
