"""A uv that is absent, old, killed or silent; and odd places for its files."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from flowgate.errors import EnvironmentFailure, FlowGateError
from flowgate.system import uv
from tests.unit.litellm_versions.conftest import VersionStage

OLD = "error: unexpected argument '--exclude-newer-package' found"


def replaced(stage: VersionStage, script: str) -> None:
    """Put another uv in the place of the real one."""
    path = stage.folder / "uv"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    stage.environment["UV"] = str(path)


@pytest.mark.parametrize(
    "script, words",
    [
        ("kill -9 $$", "ended by signal 9"),
        ("kill -15 $$", "ended by signal 15"),
        (f'echo "{OLD}" >&2; exit 2', "uv is too old"),
        ("exit 1", "uv gave no reason"),
        ("printf '\\377\\376' >&2; exit 1", "uv gave no reason"),
        ("printf '\\033[31merror: red' >&2; exit 1", "cannot be installed"),
        ("echo 'error: out of memory' >&2; exit 101", "out of memory"),
        ("exit 0", "to nothing"),
    ],
)
def test_a_faulty_uv_is_one_sentence_and_leaves_nothing(versions: VersionStage, script: str, words: str) -> None:
    replaced(versions, script)
    with pytest.raises(FlowGateError, match=words) as caught:
        versions.install()
    assert (caught.value.code, "\n" in caught.value.what, versions.names()) == (3, False, [])


def test_a_uv_that_installs_less_than_it_says_is_noticed(versions: VersionStage) -> None:
    replaced(versions, f'case "$*" in *"pip install"*) exit 0;; esac; exec {shutil.which("uv")} "$@"')
    with pytest.raises(EnvironmentFailure, match=r"does not work|is refused"):
        versions.install()
    assert versions.names() == []


@pytest.mark.parametrize("name", ["with blanks", "commas, too", "ümlaut", "a'quote", "percent%20", "[x]", "$HOME"])
def test_any_name_of_a_folder_of_wheels_works(versions: VersionStage, name: str) -> None:
    folder = versions.wheels.rename(versions.folder / name)
    assert versions.install(wheelhouse=str(folder))[1]["built"]


def test_a_relative_folder_of_wheels_is_meant_from_here(
    versions: VersionStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(versions.folder)
    assert versions.install(wheelhouse="wheels")[1]["built"]


def test_a_cache_that_cannot_be_written_is_named(versions: VersionStage) -> None:
    versions.environment["UV_CACHE_DIR"] = "/dev/null/cache"
    with pytest.raises(EnvironmentFailure, match=r"/dev/null/cache") as caught:
        versions.install()
    assert "UV_CACHE_DIR" in caught.value.fix


@pytest.mark.parametrize("path", ["UV", "PATH"])
def test_uv_is_found_where_it_is_named(tmp_path: Path, path: str) -> None:
    program = tmp_path / "uv"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    own = {"UV": str(program)} if path == "UV" else {"UV": "/nowhere/uv", "PATH": str(tmp_path)}
    assert Path(uv.find(own)[0]).name == "uv"
    assert path != "UV" or uv.find(own) == [str(program)]
