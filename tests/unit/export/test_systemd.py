"""The exported unit, read by systemd itself."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from flowgate.errors import UsageError
from flowgate.export import unit_file
from flowgate.export.unit_words import argument
from flowgate.gateway.environment import INHERITED_VARIABLES
from tests.unit.export.conftest import Exports

ABSENT = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")


def verify(exports: Exports, *flags: str) -> str:
    """Let systemd read the unit, and return what it says; it exits with 0 for unknown keys."""
    argv = ["systemd-analyze", "verify", *flags, str(exports.target / "flowgate.service")]
    with TemporaryDirectory() as home:  # a short one: sockets of other units are below it
        environment = {"XDG_RUNTIME_DIR": home, "HOME": home, "PATH": "/usr/bin:/bin"}
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=60, env=environment)
    return done.stdout + done.stderr + (f"exit {done.returncode}" if done.returncode else "")


@ABSENT
def test_systemd_accepts_a_users_unit(exports: Exports) -> None:
    exports.run("systemd")
    assert verify(exports, "--user") == ""


@ABSENT
def test_systemd_accepts_a_system_unit(exports: Exports) -> None:
    files = exports.run("systemd", user="daemon", profile="cost")
    assert "User=daemon" in files["flowgate.service"]
    assert "run --profile cost" in files["flowgate.service"]
    assert "WantedBy=multi-user.target" in files["flowgate.service"]
    assert verify(exports) == ""


@ABSENT
def test_systemd_finds_a_misspelt_key(exports: Exports) -> None:
    text = exports.run("systemd")["flowgate.service"]
    (exports.target / "flowgate.service").write_text(text.replace("KillMode", "KilMode"))
    assert "KilMode" in verify(exports, "--user")


@ABSENT
def test_a_folder_with_every_kind_of_character_is_quoted(exports: Exports) -> None:
    exports.folder = exports.folder / "a b%h $HOME 'y\" \\z"
    exports.folder.mkdir()
    (exports.folder.parent / "config").rename(exports.folder / "config")
    exports.run("systemd")
    assert verify(exports, "--user") == ""


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("/usr/bin/flowgate", "/usr/bin/flowgate"),
        ("/a b", '"/a b"'),
        ("/100%", '"/100%%"'),
        ("$HOME", '"$$HOME"'),
        ('a"b', '"a\\"b"'),
        ("", '""'),
    ],
)
def test_a_word_is_quoted_as_systemd_reads_it(word: str, wanted: str) -> None:
    assert argument(word) == wanted


def test_a_path_with_a_line_break_is_refused() -> None:
    with pytest.raises(UsageError, match="no unit can contain"):
        unit_file.plain_unit(unit_file.Wanted("x", ["/a\nb"], Path("/"), 1.0))


@pytest.mark.parametrize("user", ["Root User", "x" * 40, "a;b", "1a"])
def test_what_is_no_user_is_refused(exports: Exports, user: str) -> None:
    with pytest.raises(UsageError, match="is no name of a user"):
        exports.run("systemd", user=user)
    assert not exports.target.exists()


def test_the_unit_waits_for_the_longest_stream(exports: Exports) -> None:
    unit = exports.edit("drain_timeout: 10m", "drain_timeout: 30m").run("systemd")["flowgate.service"]
    assert "TimeoutStopSec=1860" in unit
    assert "Type=notify" in unit


def test_a_variable_that_only_this_shell_has_is_said(
    exports: Exports, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPSTREAM_API_KEY", "canary-key")
    exports.run("systemd")
    shown = capsys.readouterr().err
    assert "UPSTREAM_API_KEY is set in this shell only" in shown
    folder = exports.folder / ".router" / "secrets"
    assert f"{folder / 'upstream-api-key'}" in shown


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "no_proxy", "SSL_CERT_FILE"])
def test_a_proxy_that_only_this_shell_has_is_said(
    exports: Exports, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for one in INHERITED_VARIABLES:
        monkeypatch.delenv(one, raising=False)
    before = exports.run("systemd")
    assert "drop-in" not in capsys.readouterr().err
    monkeypatch.setenv(name, "http://user:canary@proxy.example:3128")
    assert exports.run("systemd") == before
    shown = capsys.readouterr().err
    assert f"set them by a drop-in: {name}\n" in shown
    assert "canary" not in shown


def test_a_first_start_may_take_as_long_as_that_of_an_installed_service(exports: Exports) -> None:
    """It downloads CLIProxyAPIPlus and compiles LiteLLM."""
    assert "TimeoutStartSec=900" in exports.run("systemd")["flowgate.service"]
    unit = exports.edit("ready_timeout: 120s", "ready_timeout: 20m").run("systemd")["flowgate.service"]
    [seconds] = [int(line.partition("=")[2]) for line in unit.splitlines() if line.startswith("TimeoutStartSec=")]
    assert seconds > 1200


def test_without_the_program_python_runs_the_package(
    exports: Exports, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`python -m invoke` would look for tasks in the folder of the config."""
    monkeypatch.setattr("flowgate.cli.export_plan.locations.python", lambda: tmp_path / "bin" / "python3")
    unit = exports.run("systemd", profile="cost")["flowgate.service"]
    wanted = f"ExecStart={tmp_path}/bin/python3 -P -m flowgate --config {exports.config} run --profile cost\n"
    assert wanted in unit
