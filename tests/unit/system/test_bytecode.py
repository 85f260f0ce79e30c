"""Bytecode compilation."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.system import bytecode, process_table
from tests.conftest import until


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment with one distribution and one module, and one FlowGate source."""
    (tmp_path / "env" / "thing-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "env" / "thing.py").write_text("x = 1\n")
    (tmp_path / "own.py").write_text("y = 1\n")
    monkeypatch.setattr(bytecode, "site_packages", lambda: tmp_path / "env")
    monkeypatch.setattr(bytecode, "own_sources", lambda: [tmp_path / "own.py"])
    return tmp_path


def test_everything_is_compiled_once_and_recorded(environment: Path) -> None:
    assert not bytecode.is_compiled()
    assert bytecode.compile_environment()
    assert bytecode.is_compiled()
    assert list((environment / "env" / "__pycache__").glob("thing.*.pyc"))
    assert list((environment / "__pycache__").glob("own.*.pyc"))


def test_a_new_distribution_version_needs_compilation(environment: Path) -> None:
    bytecode.compile_environment()
    (environment / "env" / "thing-1.0.dist-info").rename(environment / "env" / "thing-2.0.dist-info")
    assert not bytecode.is_compiled()


def test_a_changed_source_does_not_recompile_the_environment(environment: Path) -> None:
    bytecode.compile_environment()
    (environment / "own.py").write_text("y = 2\nz = 3\n")
    (environment / "env" / "late.py").write_text("x = 1\n")
    assert not bytecode.is_compiled()
    bytecode.compile_environment()
    assert not list((environment / "env" / "__pycache__").glob("late.*"))


@pytest.mark.parametrize("text", ["", "nonsense", json.dumps([1])])
def test_a_damaged_stamp_file_counts_as_missing(environment: Path, text: str) -> None:
    (environment / "env" / bytecode.STAMP).write_text(text)
    assert not bytecode.is_compiled()


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_stamp_file_is_neither_read_nor_written(environment: Path, make: Callable[[Path], None]) -> None:
    make(environment / "env" / bytecode.STAMP)
    assert not bytecode.is_compiled()
    assert not bytecode.compile_environment()


def read_only(environment: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let folders be on a read-only file system, as far as `access` tells; the tests may run as root."""
    folders = {environment / name for name in names}
    monkeypatch.setattr("os.access", lambda path, mode: path not in folders)


def test_what_cannot_be_written_is_not_compiled(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read_only(environment, monkeypatch, "env", "")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("it was compiled"))
    assert bytecode.state() == (False, environment / "env")
    bytecode.compile_environment()


def test_an_environment_that_was_compiled_with_its_image_is_not_slow(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = environment / "env" / "litellm" / "__pycache__"
    cache.mkdir(parents=True)
    (cache / f"__init__.{sys.implementation.cache_tag}.pyc").touch()
    read_only(environment, monkeypatch, "env", "")
    assert bytecode.state() == (False, None)


def test_own_sources_of_somebody_else_do_not_keep_the_environment_from_being_compiled(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_only(environment, monkeypatch, "")
    assert bytecode.state() == (True, None)
    bytecode.compile_environment()
    assert bytecode.state() == (False, None)
    assert not list(environment.glob("__pycache__"))
    assert list((environment / "env" / "__pycache__").glob("thing.*.pyc"))


def test_an_installed_package_in_a_read_only_environment_has_nothing_to_compile(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bytecode, "own_sources", list)
    read_only(environment, monkeypatch, "env")
    assert not bytecode.state().is_pending


def test_own_sources_are_not_compiled_where_that_cannot_be_recorded(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_only(environment, monkeypatch, "env")
    assert not bytecode.state().is_pending


@pytest.mark.parametrize("linked", [True, False])
def test_bytecode_is_shared_where_the_source_is_the_same_file(environment: Path, linked: bool) -> None:
    bytecode.compile_environment()
    (environment / "other").mkdir()
    ours, theirs = environment / "env" / "thing.py", environment / "other" / "thing.py"
    theirs.hardlink_to(ours) if linked else theirs.write_text(ours.read_text())
    bytecode.compile_other(Path(sys.executable), environment / "other")
    one, other = (next(path.parent.glob("__pycache__/thing.*.pyc")) for path in (ours, theirs))
    assert one.samefile(other) is linked
    assert (environment / "other" / bytecode.STAMP).is_file()


def test_shared_bytecode_names_the_file_that_runs(environment: Path) -> None:
    (environment / "env" / "thing.py").write_text("import sys\nprint(sys._getframe().f_code.co_filename)\n")
    bytecode.compile_environment()
    (environment / "other").mkdir()
    (environment / "other" / "thing.py").hardlink_to(environment / "env" / "thing.py")
    bytecode.compile_other(Path(sys.executable), environment / "other")
    argv = [sys.executable, "-c", "import thing"]
    ran = subprocess.run(argv, cwd=environment / "other", capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(environment / "other" / "thing.py")


def test_folders_are_divided_so_that_each_process_has_about_as_many_sources(tmp_path: Path) -> None:
    for folder, number in (("big", 6), ("big/deep", 3), ("small", 2), ("other", 1), ("no sources", 0)):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for name in range(number):
            (tmp_path / folder / f"m{name}.py").touch()
    shares = [{str(one.relative_to(tmp_path)) for one in share} for share in bytecode._balanced(tmp_path, 2)]
    assert shares == [{"big"}, {"big/deep", "small", "other"}]
    assert bytecode._balanced(tmp_path / "no sources", 4) == []


def test_every_source_of_another_environment_is_compiled(environment: Path) -> None:
    for folder in ("other", "other/package", "other/package/deep"):
        (environment / folder).mkdir(parents=True, exist_ok=True)
        (environment / folder / "one.py").write_text("x = 1\n")
    bytecode.compile_other(Path(sys.executable), environment / "other")
    assert len(list((environment / "other").rglob("one.*.pyc"))) == 3


SOURCES, LINES = 40, 4000  # some seconds of work
BEGIN = "import sys; from pathlib import Path; from flowgate.system import bytecode; site = Path(sys.argv[1])\n"
OTHER = f"{BEGIN}bytecode.compile_other(Path(sys.executable), site)"
OWN = f"{BEGIN}bytecode.site_packages, bytecode.own_sources = lambda: site, list\nbytecode.compile_environment()"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
@pytest.mark.parametrize(("code", "number"), [(OTHER, signal.SIGKILL), (OTHER, signal.SIGINT), (OWN, signal.SIGINT)])
def test_no_process_is_left_when_this_one_is_ended_while_it_compiles(tmp_path: Path, code: str, number: int) -> None:
    for folder in (tmp_path / "site", tmp_path / "site" / "deep"):
        folder.mkdir()
        for source in range(SOURCES // 2):
            (folder / f"m{source}.py").write_text(
                "".join(f"x{line} = [{line}, (1, {line})]\n" for line in range(LINES))
            )
    argv = [sys.executable, "-c", code, str(tmp_path / "site")]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        until(lambda: list(tmp_path.rglob("*.pyc")))
        process.send_signal(number)
    until(lambda: not processes_of(tmp_path))


def processes_of(folder: Path) -> list[list[str]]:
    """Return the command lines that name a folder below this one."""
    known = [process_table.argv(row.pid) for row in process_table.rows() if row.state not in process_table.GONE]
    return [words for words in known if any(word.startswith(str(folder)) for word in words)]
