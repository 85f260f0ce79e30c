from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from flowgate.cli.checks import finding
from flowgate.cli.checks.finding import Finding
from flowgate.errors import DiskError, MultipleErrors, UsageError

FINE, SO_SO, BAD = Finding("a", "pass", "fine"), Finding("b", "warn", "so so", "mend b"), Finding("c", "fail", "bad")


def refuse() -> Iterator[Finding]:
    raise DiskError("the disk says no", fix="ask it")


def test_a_check_that_cannot_look_has_failed_and_the_others_go_on() -> None:
    found = finding.run_checks([("disk", refuse), ("a", lambda: [FINE])])
    assert found == [Finding("disk", "fail", "the disk says no", "ask it"), FINE]


def test_every_fault_of_a_config_is_a_finding_that_opens_its_line() -> None:
    faults = MultipleErrors(
        "f.yaml", [UsageError("one", place="/my files/f.yaml:3"), UsageError("two", place="f.yaml:4:5")]
    )
    found = finding.config_findings(faults)
    assert [one.fix for one in found] == ["${EDITOR:-vi} +3 '/my files/f.yaml'", "${EDITOR:-vi} +4 f.yaml"]


def test_a_config_that_cannot_be_read_at_all_is_refused_as_ever() -> None:
    with pytest.raises(UsageError, match="not there"):
        finding.config_findings(UsageError("it is not there"))


@pytest.mark.parametrize("found, code", [([FINE, SO_SO], 0), ([FINE, BAD], 1)])
def test_only_a_fail_ends_with_1(found: list[Finding], code: int) -> None:
    assert finding.print_findings(found, as_json=False, config="f") == code


def test_data_goes_to_stdout_with_the_mending_command_below(capsys: pytest.CaptureFixture[str]) -> None:
    finding.print_findings([SO_SO], as_json=False, config="f", fixed=["made it"])
    message = capsys.readouterr()
    assert [line.split() for line in message.out.splitlines()] == [["warn", "b", "so", "so"], ["fix", "b"]]
    assert message.err == "~ made it\n0 pass, 1 warn, 0 fail\n"


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    finding.print_findings([FINE, BAD], as_json=True, config="f.yaml")
    tree = json.loads(capsys.readouterr().out)
    assert (tree["ok"], tree["config"], tree["counts"]) == (False, "f.yaml", {"pass": 1, "warn": 0, "fail": 1})
    assert tree["findings"][1] == {"check": "c", "status": "fail", "message": "bad", "fix": ""}
