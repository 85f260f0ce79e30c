from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from dev import packaging
from flowgate.errors import CheckFailed, EnvironmentFailure, ProgramMissing

NEEDS_UV = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")


def test_the_files_of_a_wheel_are_listed_without_its_folders(tmp_path: Path) -> None:
    wheel = tmp_path / "a.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/", "")
        archive.writestr("a/b.py", "x")
    assert packaging.members(wheel) == ["a/b.py"]


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.whl").write_text("<html>")
    with pytest.raises(EnvironmentFailure, match="is not a wheel"):
        packaging.members(tmp_path / "a.whl")


def test_without_uv_the_way_out_is_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ProgramMissing, match="uv is not installed"):
        packaging.is_locked(tmp_path)


@NEEDS_UV
def test_a_folder_without_a_project_has_no_lock_and_no_wheel(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailure, match=r"cannot check uv\.lock: No `pyproject\.toml` found"):
        packaging.is_locked(tmp_path)
    with pytest.raises(CheckFailed, match=r"cannot be built: .* does not appear to be a Python project"):
        packaging.build_wheel(tmp_path, tmp_path / "dist")


@NEEDS_UV
def test_a_backend_that_gives_up_is_heard(tmp_path: Path) -> None:
    text = '[build-system]\nrequires = []\nbuild-backend = "own"\nbackend-path = ["."]\n'
    (tmp_path / "pyproject.toml").write_text(text)
    (tmp_path / "own.py").write_text("def build_wheel(*given): raise OSError('no readme')\n")
    with pytest.raises(CheckFailed, match="cannot be built: OSError: no readme"):
        packaging.build_wheel(tmp_path, tmp_path / "dist")
