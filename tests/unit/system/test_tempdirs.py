from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from flowgate.system import tempdirs


def test_a_folder_is_private_and_deleted_with_its_content() -> None:
    with tempdirs.folder("scratch-") as folder:
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "below").mkdir()
        (folder / "below" / "file").write_text("x")
    assert not folder.exists()


def test_a_folder_is_deleted_after_an_exception() -> None:
    created: list[Path] = []
    with contextlib.suppress(RuntimeError), tempdirs.folder("scratch-") as folder:
        created.append(folder)
        raise RuntimeError
    assert [one.exists() for one in created] == [False]


def test_a_folder_of_an_ended_process_is_deleted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    dead, alive = tmp_path / f"scratch-{int(ended.stdout)}-x", tmp_path / f"scratch-{os.getpid()}-x"
    dead.mkdir()
    alive.mkdir()
    with tempdirs.folder("scratch-"):
        assert (dead.exists(), alive.exists()) == (False, True)
