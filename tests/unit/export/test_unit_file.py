"""The unit of systemd and the plist of launchd: valid whatever the paths contain, and known when they were edited."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from flowgate.export import unit_file
from flowgate.export.unit_file import Wanted

ODD = ["plain", "two words", "50% off", "%n", "$HOME", "${HOME}", 'a "quote"', "it's", "back\\slash", "ünï=code; #x"]


def wanted(folder: Path) -> Wanted:
    """Describe a service whose program and config are in a folder."""
    command = (str(folder / "python"), "-P", "-m", "flowgate", "--config", str(folder / "flowgate.yaml"), "run")
    return Wanted("flowgate", command, folder, 600.0, folder / "log", {"PATH": f"{folder}:/bin"})


def verify(text: str, folder: Path) -> str:
    """Return what systemd says about a unit; it exits with 0 for much that is wrong."""
    path = folder / "checked.service"
    path.write_text(text)
    variables = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    words = ["systemd-analyze", "--user", "--man=no", "verify", str(path)]
    return subprocess.run(words, capture_output=True, text=True, env=variables, check=False).stderr


@pytest.fixture
def odd(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with an odd name and a program in it."""
    folder = tmp_path / str(request.param)
    folder.mkdir()
    shutil.copy("/bin/true", folder / "python")
    return folder


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")


@needs_systemd
@pytest.mark.parametrize("odd", ODD, indirect=True)
def test_systemd_has_no_objection_to_a_unit(odd: Path, tmp_path: Path) -> None:
    assert verify(unit_file.unit(wanted(odd)), tmp_path) == ""


@needs_systemd
@pytest.mark.parametrize("odd", ["plain"], indirect=True)
def test_systemd_s_objections_are_seen(odd: Path, tmp_path: Path) -> None:
    text = unit_file.unit(wanted(odd))
    assert "Unknown key" in verify(text.replace("KillMode=", "KilMode="), tmp_path)
    assert verify(text.replace(str(odd), "/absent"), tmp_path)


@needs_systemd
@pytest.mark.parametrize("odd", ["plain"], indirect=True)
def test_systemd_has_no_objection_to_a_unit_of_the_system(odd: Path, tmp_path: Path) -> None:
    text = unit_file.unit(replace(wanted(odd), user="root"))
    assert "ProtectSystem=full" in text
    assert verify(text, tmp_path) == ""


@needs_systemd
@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("odd", ["plain"], indirect=True)
def test_a_unit_of_the_system_can_write_where_its_config_is(odd: Path, tmp_path: Path, name: str) -> None:
    own, beside = Path("/etc") / name / ".router", Path("/etc") / name / ".router" / "runtime"
    made = replace(wanted(odd), user="root", written=[beside, own, tmp_path, Path("/var/lib/x")])
    text = unit_file.unit(made)
    assert verify(text, tmp_path) == ""
    assert text.count("ReadWritePaths=") == 1
    assert f'ReadWritePaths="-/etc/{name.replace("%", "%%")}/.router"' in text or {'"', "\\"} & set(name)
    assert "ReadWritePaths=" not in unit_file.unit(replace(made, user=""))


def as_systemd_splits(line: str) -> list[str]:
    """Split an ExecStart line as systemd does: words, C escapes, `%%`, and `$$` except in the program."""
    import shlex

    words = [word.replace("%%", "%") for word in shlex.split(line.replace("'", "\\'"))]
    return [words[0], *(word.replace("$$", "$") for word in words[1:])]


@pytest.mark.parametrize("name", [one for one in ODD if "'" not in one])
def test_the_words_of_a_unit_are_the_words_of_the_command(name: str) -> None:
    made = wanted(Path("/opt") / name)
    line = next(one for one in unit_file.unit(made).splitlines() if one.startswith("ExecStart="))
    words = as_systemd_splits(line.removeprefix("ExecStart="))
    assert words[-len(made.command) :] == list(made.command)
    assert words[: -len(made.command)] in ([], ["/bin/sh", "-c", 'exec "$0" "$@"'])


@pytest.mark.parametrize("name", ODD)
def test_a_plist_has_the_words_of_the_command(name: str) -> None:
    made = wanted(Path("/opt") / name)
    content = plistlib.loads(unit_file.plist(made).encode())
    assert content["ProgramArguments"] == list(made.command)
    assert content["KeepAlive"] == {"SuccessfulExit": False}
    assert content["ExitTimeOut"] > made.drain_seconds


@pytest.mark.parametrize("make", [unit_file.unit, unit_file.plist])
@pytest.mark.parametrize("edit", [lambda text: text + "# x\n", lambda text: text.replace("600", "6"), str.rstrip])
def test_an_edited_file_is_known(make: object, edit: object) -> None:
    text = make(replace(wanted(Path("/opt/x y")), drain_seconds=540))  # type: ignore[operator]
    assert unit_file.is_as_written(text)
    assert not unit_file.is_as_written(edit(text))  # type: ignore[operator]
    assert unit_file.is_ours(edit(text))  # type: ignore[operator]


@pytest.mark.parametrize("make", [unit_file.unit, unit_file.plist])
@pytest.mark.parametrize("name", ODD)
def test_the_config_that_a_file_runs_is_known(make: object, name: str) -> None:
    made = wanted(Path("/opt") / name)
    text = make(made)  # type: ignore[operator]
    assert unit_file.runs(text, made.command[3:])
    assert not unit_file.runs(text, wanted(Path("/opt/other")).command[3:])


def test_a_shell_runs_a_program_whose_path_systemd_refuses(tmp_path: Path) -> None:
    folder = tmp_path / "a 'b' \"c\""
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    words = ["/bin/sh", "-c", 'exec "$0" "$@"', str(folder / "python"), "-c", "print('here')"]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "here\n"
