"""What an installed program says of itself, and what `auth list` makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowgate.accounts import installed_program
from flowgate.accounts.providers import KNOWN
from flowgate.system.clock import Clock

VERSION = "CLIProxyAPI Version: 7.2.999, Commit: abc, BuiltAt: now"
FLAGS = "Usage of it\\n  -config string\\n    \\tfile\\n  -codex-login\\n\\t\\tlog in\\n  -kiro-aws-login"


def program(folder: Path, script: str, name: str = "CLIProxyAPIPlus") -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def says(version: str = VERSION, flags: str = FLAGS, code: int = 0) -> str:
    return f"echo '{version}'; printf '{flags}\\n' >&2; exit {code}"


@pytest.mark.parametrize(
    "name", ["CLIProxyAPIPlus", "CLIProxyAPI", "cli-proxy-api-plus", "cli-proxy-api", "CLIProxyAPI-7.2"]
)
def test_a_program_is_asked_for_its_version_and_flags(tmp_path: Path, name: str) -> None:
    found = installed_program.ask(program(tmp_path, says(), name), "6.8.16-0", Clock())
    assert found.version == "7.2.999"
    assert found.flags == frozenset(("config", "codex-login", "kiro-aws-login"))
    assert (found.has_flag("-kiro-aws-login"), found.has_flag("-iflow-login")) == (True, False)


@pytest.mark.parametrize(
    "script",
    [
        says(code=1),
        says(version="hello"),
        says(flags="  -codex-login"),
        says(flags=""),
        "kill -9 $$",
        "yes | head -c 3000000",
    ],
)
def test_a_program_that_answers_otherwise_is_not_believed(tmp_path: Path, script: str) -> None:
    found = installed_program.ask(program(tmp_path, script), "v7.2.140", Clock())
    assert found == installed_program.recorded("v7.2.140")


@pytest.mark.parametrize("name", ["fake.py", "sh", "nice", "missing/CLIProxyAPIPlus"])
def test_another_program_is_never_run(tmp_path: Path, name: str) -> None:
    ran = tmp_path / "ran"
    path = tmp_path / name if "/" in name else program(tmp_path, f"touch {ran}; {says()}", name)
    assert installed_program.ask(path, "", Clock()).flags is None
    assert not ran.exists()


def test_what_cannot_be_executed_here_is_not_asked(tmp_path: Path) -> None:
    path = program(tmp_path, says())
    path.write_bytes(b"\x7fELF of another machine")
    assert installed_program.ask(path, "7.2.101-1", Clock()).version == "7.2.101-1"


@pytest.mark.parametrize(
    ("version", "with_flag"),
    [
        ("6.8.16-0", {"copilot", "iflow", "kiro"}),
        ("v6.8.16-0-plus", {"copilot", "iflow", "kiro"}),
        ("7.2.101-1", {"copilot", "iflow", "kiro"}),
        ("v7.2.137-9", {"copilot", "iflow", "kiro"}),
        ("7.2.140", set()),
        ("v7.2.140", set()),
    ],
)
def test_a_recorded_version_has_the_flags_of_its_line(version: str, with_flag: set[str]) -> None:
    known = installed_program.recorded(version)
    flags = {name: provider.cli_flag for name, provider in KNOWN.items() if provider.cli_flag}
    assert {name for name, flag in flags.items() if known.has_flag(flag)} == with_flag


@pytest.mark.parametrize("version", ["", "7.2.141", "8.0.0", "dev"])
def test_the_flags_of_another_version_are_not_known(version: str) -> None:
    assert installed_program.recorded(version).has_flag("-iflow-login") is None
