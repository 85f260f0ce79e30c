"""A failed import is remembered, and nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowgate.gateway import failing_imports

RUNS = "runs.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with a module that notes each run and needs a library that is missing."""
    noting = f"with open({str(tmp_path / RUNS)!r}, 'a') as file:\n    file.write('x')\n"
    source = f"{noting}import library_that_is_missing.part\n"
    (tmp_path / "needy_module.py").write_text(source)
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in ("needy_module", "library_that_is_missing", "library_that_is_missing.part"):
        sys.modules.pop(name, None)


def _attempts(folder: Path, count: int) -> int:
    """Import the module several times; return how often it ran."""
    for _ in range(count):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("needy_module")
    return len((folder / RUNS).read_text()) if (folder / RUNS).exists() else 0


def test_python_runs_a_failing_module_at_every_import(folder: Path) -> None:
    assert _attempts(folder, 3) == 3


def test_a_remembered_failure_runs_nothing(folder: Path) -> None:
    assert failing_imports.remember({"needy_module": "library_that_is_missing.part"}) == ["needy_module"]
    assert _attempts(folder, 3) == 0


def test_an_installed_library_is_no_failure(folder: Path) -> None:
    assert failing_imports.remember({"needy_module": "json.decoder"}) == []
    assert _attempts(folder, 2) == 2


def test_a_module_that_is_imported_stays(folder: Path) -> None:
    (folder / "needy_module.py").write_text("value = 1\n")
    module = importlib.import_module("needy_module")
    assert failing_imports.remember({"needy_module": "library_that_is_missing"}) == []
    assert sys.modules["needy_module"] is module


def test_a_library_that_appears_before_the_start_is_used(folder: Path) -> None:
    (folder / "library_that_is_missing").mkdir()
    (folder / "library_that_is_missing" / "part.py").write_text("")
    assert failing_imports.remember({"needy_module": "library_that_is_missing.part"}) == []
    assert importlib.import_module("needy_module")


@pytest.mark.parametrize("library", ["json.", ".json", "json.decoder.deeper"])
def test_a_name_that_cannot_be_looked_up_does_no_harm(folder: Path, library: str) -> None:
    failing_imports.remember({"needy_module": library})
    assert _attempts(folder, 1) <= 1
