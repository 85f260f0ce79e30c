"""`auth list`: only what the program in use has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowgate.cli import provider_list
from tests.unit.accounts.test_installed_program import program, says
from tests.unit.cli.sessions import SessionFactory

FORK = "  -config string\\n  -github-copilot-login\\n  -kiro-aws-login"
MAINLINE = "  -config string\\n  -codex-login"


def why(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    assert provider_list.list_providers(str(folder / "flowgate.yaml"), True) == 0
    rows = json.loads(capsys.readouterr().out)["providers"]
    return {row["name"]: row["why"] for row in rows if row["name"] in ("copilot", "iflow", "kiro", "codex", "qwen")}


def test_flags_are_named_only_if_the_program_has_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SessionFactory(tmp_path)()
    folder = tmp_path / ".router/runtime/bin"
    folder.mkdir(parents=True)
    program(folder, says("CLIProxyAPI Version: 7.2.55-0, Commit: a, BuiltAt: b", FORK))
    found = why(tmp_path, capsys)
    assert found["copilot"] == "only by its own command line (-github-copilot-login)"
    assert (found["iflow"], found["qwen"], found["codex"]) == ("not in this version", "not in this version", "")


def test_mainline_has_no_flags_of_the_forks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    SessionFactory(tmp_path)()
    folder = tmp_path / ".router/runtime/bin"
    folder.mkdir(parents=True)
    program(folder, says("CLIProxyAPI Version: 7.2.140, Commit: a, BuiltAt: b", MAINLINE))
    assert {value for value in why(tmp_path, capsys).values() if value} == {"not in this version"}


@pytest.mark.parametrize(("contract", "flag"), [("7.2", True), ("7.2.137", True), ("7.2.140", False)])
def test_the_embedded_upstream_has_those_of_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], contract: str, flag: bool
) -> None:
    SessionFactory(tmp_path)(("-config, cliproxyapi.yaml", f"--contract={contract}"), embedded=True)
    assert ("-github-copilot-login" in why(tmp_path, capsys)["copilot"]) is flag
