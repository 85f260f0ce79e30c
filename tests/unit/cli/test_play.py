"""`play`: its arguments, its variables and its profile."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from flowgate.cli import play
from flowgate.errors import FlowGateError, UsageError
from tests.conftest import Workspace

TYPED: dict[str, Any] = {"profile": "", "tags": "", "skip_tags": "", "check": True}
USES = "- vars: { who: Bob }\n  tasks: [debug: { msg: '{{ who }} {{ profile }}' }]\n"


def run(playbook: Path | str, *extra: str, reports: dict[str, str] | None = None, **typed: Any) -> int:
    return play.play_any("", str(playbook), extra, reports=reports or {}, **{**TYPED, **typed})


@pytest.fixture
def written(place: Workspace, tmp_path: Path) -> Path:
    path = tmp_path / "own.yml"
    path.write_text(USES)
    return path


@pytest.mark.parametrize("name", ["whoo", "wh0", "profle"])
def test_a_misspelt_variable_is_an_error(written: Path, name: str) -> None:
    with pytest.raises(UsageError, match=f"no variable '{name}'") as refused:
        run(written, f"{name}=1")
    assert "did you mean" in refused.value.fix


def test_an_unused_variable_is_told(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(written, "other=1") == 0
    assert "warning: the playbook uses no variable 'other' (-e); it has no effect" in capsys.readouterr().err


@pytest.mark.parametrize(
    "typed, extra, shown", [("cost", (), "cost"), ("", ("profile=cost",), "cost"), ("", (), "bal")]
)
def test_a_playbook_knows_the_profile_in_force(
    written: Path, capsys: pytest.CaptureFixture[str], typed: str, extra: tuple[str, ...], shown: str
) -> None:
    assert run(written, *extra, profile=typed) == 0
    assert f"Bob {shown}" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["up", "service-start", "service-restart", "switch-profile"])
def test_a_shipped_playbook_uses_the_active_profile(
    place: Workspace, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (place.runtime / "state.json").write_text('{"current_profile": "cost"}')
    assert run(name) == 0
    assert "Render cost" in capsys.readouterr().err


@pytest.mark.parametrize("extra", [("profile=nope",), ("profile=5",), ("{1: 2}",), ("{'a b': 1}",), ("x",), ("@/tmp",)])
def test_a_wrong_variable_is_an_error(written: Path, extra: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        run(written, *extra)


def test_two_profiles_are_an_error(written: Path) -> None:
    with pytest.raises(UsageError, match="two profiles"):
        run(written, "profile=cost", profile="balanced")


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/tmp", "a" * 5000, "./" + "a" * 5000, "/" + "a" * 300 + ".yml", "./a\0b"]
)
def test_what_is_no_playbook_is_an_error(place: Workspace, name: str) -> None:
    with pytest.raises(UsageError):
        run(name)


@pytest.mark.parametrize("use", ["-e", "play", "import"])
@pytest.mark.parametrize("special", ["/dev/zero", "fifo", "/tmp"])
def test_a_special_file_is_refused_at_once(written: Path, use: str, special: str) -> None:
    os.mkfifo(written.parent / "fifo")
    path = written.parent / special
    written.write_text(f"- tasks: [import_tasks: {path}]\n" if use == "import" else USES)
    with pytest.raises(FlowGateError, match="not a regular file") as refused:
        run(path if use == "play" else written, *([f"@{path}"] if use == "-e" else []))
    assert refused.value.code == 2


@pytest.mark.parametrize("path", ["/dev/full", "/tmp", "/tmp/" + "a" * 300, "/" + "a/" * 3000, "/nope/x.json"])
def test_a_report_that_cannot_be_written_is_refused_before_the_run(written: Path, path: str) -> None:
    with pytest.raises(UsageError):
        run(written, reports={"json": path})


def test_the_name_of_a_play_is_rendered(written: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written.write_text(USES.replace("- vars", "- name: Hello {{ who }}\n  vars"))
    assert run(written, listing="tasks") == 0
    assert "play #1: Hello Bob" in capsys.readouterr().out


SECRET = "hunter2-hunter2"
WITH_SECRETS = [
    ("- tasks: [debug: { msg: 'pw {{ db_password }}' }]\n", (f"db_password={SECRET}",)),
    ("- vars: { api_token: SECRET }\n  tasks: [debug: { msg: 'pw {{ api_token }}' }]\n", ()),
    ("- tasks:\n    - vars: { secret: { deep: [SECRET] } }\n      debug: { msg: '{{ secret }}' }\n", ()),
    (
        "- tasks:\n    - vars: { api_key: SECRET }\n      block: [debug: { msg: '{{ api_key }}' }]\n",
        (),
    ),
    ("- tasks:\n    - uri: { url: 'http://127.0.0.1:9/?token=SECRET', headers: { X-Own: SECRET2 } }\n", ()),
    ("- tasks:\n    - name: with SECRET\n      vars: { my_token: SECRET }\n      command: [ls, SECRET]\n", ()),
    (
        "- vars: { passwd: SECRET }\n  tasks: [assert: { that: passwd == 'x' }]\n",
        (),
    ),
]


@pytest.mark.parametrize(("text", "extra"), WITH_SECRETS)
@pytest.mark.parametrize("check", [True, False])
def test_secrets_of_a_playbook_are_masked_in_output_and_reports(
    place: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, extra: tuple[str, ...], check: bool
) -> None:
    path = tmp_path / "own.yml"
    path.write_text(text.replace("SECRET", SECRET))
    reports = {kind: str(tmp_path / f"report.{kind}") for kind in ("json", "junit", "html")}
    run(path, *extra, reports=reports, check=check)
    printed = capsys.readouterr()
    shown = printed.out + printed.err + "".join(Path(one).read_text() for one in reports.values())
    assert SECRET not in shown
    assert SECRET not in ((place.runtime / "events.log").read_text() if (place.runtime / "events.log").exists() else "")


def test_text_with_braces_is_no_secret(written: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written.write_text("- vars: { own_token: 'a-{{ profile }}' }\n  tasks: [debug: { msg: 'x a-{{ profile }}' }]\n")
    assert run(written) == 0
    assert "x a-balanced" in capsys.readouterr().err
