"""What an export does to its folder: it writes what changed, twice nothing, and never what somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import DiskError, UsageError
from flowgate.export.manifest import NAME
from flowgate.system import files
from tests.unit.export.conftest import Exports

Captured = pytest.CaptureFixture[str]
KINDS = ["kubernetes", "compose", "systemd"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_run_changes_nothing(exports: Exports, capsys: Captured, kind: str) -> None:
    first = exports.run(kind)
    dates = {path: (exports.target / path).stat().st_mtime_ns for path in first}
    capsys.readouterr()
    assert exports.run(kind) == first
    assert {path: (exports.target / path).stat().st_mtime_ns for path in first} == dates
    assert "unchanged" in capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS)
def test_two_folders_get_the_same_bytes(exports: Exports, kind: str) -> None:
    first = exports.run(kind)
    exports.target.rename(exports.folder / "first")
    assert exports.run(kind) == first


def test_check_mode_writes_nothing_and_names_every_file(exports: Exports, capsys: Captured) -> None:
    assert exports.run(check=True) == {}
    assert "base/gateway.yaml would be created" in capsys.readouterr().err
    assert not exports.target.exists()


def test_the_diff_shows_the_lines_that_change(exports: Exports, capsys: Captured) -> None:
    exports.run()
    exports.edit("drain_timeout: 10m", "drain_timeout: 20m")
    capsys.readouterr()
    before = exports.files()
    assert exports.run(check=True, diff=True) == before
    shown = capsys.readouterr().err
    assert "+    drain_timeout: 1200.0" in shown
    assert "base/flowgate.yaml would change" in shown


def test_a_file_that_is_no_longer_exported_is_deleted_with_its_folder(exports: Exports, capsys: Captured) -> None:
    exports.run()
    files = exports.run(profile="cost")
    assert [path for path in files if path.startswith("overlays/")] == [
        "overlays/cost/kustomization.yaml",
        "overlays/cost/southbound.yaml",
    ]
    assert not (exports.target / "overlays" / "balanced").exists()
    assert "overlays/balanced/kustomization.yaml is deleted" in capsys.readouterr().err


def test_an_edited_file_is_not_overwritten(exports: Exports) -> None:
    exports.run()
    edited = exports.target / "base" / "gateway.yaml"
    edited.write_text(edited.read_text() + "# mine\n")
    exports.edit("drain_timeout: 10m", "drain_timeout: 20m")
    before = exports.files()
    with pytest.raises(UsageError, match=r"base/gateway\.yaml was edited by hand"):
        exports.run()
    assert exports.files() == before


def test_an_edited_file_that_is_no_longer_exported_stays(exports: Exports, capsys: Captured) -> None:
    exports.run()
    edited = exports.target / "overlays" / "cost" / "kustomization.yaml"
    edited.write_text("# mine\n")
    exports.run(profile="balanced")
    assert edited.read_text() == "# mine\n"
    assert "it stays, and is yours now" in capsys.readouterr().err
    assert "overlays/cost" not in (exports.target / NAME).read_text()


def test_files_of_others_are_left_alone_and_never_overwritten(exports: Exports) -> None:
    (exports.target / ".git").mkdir(parents=True)
    (exports.target / "notes.txt").write_text("mine")
    assert exports.run()["notes.txt"] == "mine"
    (exports.folder / "other").mkdir()
    (exports.folder / "other" / "README.md").write_text("mine")
    exports.target.rename(exports.folder / "moved")
    (exports.folder / "other").rename(exports.target)
    with pytest.raises(UsageError, match=r"README\.md exists, and no export wrote it"):
        exports.run()
    assert exports.files() == {"README.md": "mine"}


def test_another_kind_needs_another_folder(exports: Exports) -> None:
    exports.run()
    with pytest.raises(UsageError, match="has an export for kubernetes"):
        exports.run("systemd")


def test_a_link_in_the_folder_is_not_followed(exports: Exports, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    exports.target.mkdir()
    (exports.target / "base").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is a link"):
        exports.run()
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "text", ["", "[]", '{"version": 1, "kind": "kubernetes", "files": {"../x": "0"}}', '{"version": 9']
)
def test_a_damaged_record_is_refused(exports: Exports, text: str) -> None:
    exports.target.mkdir()
    (exports.target / NAME).write_text(text)
    with pytest.raises(UsageError, match="is damaged"):
        exports.run()


def test_an_interrupted_export_is_completed(exports: Exports) -> None:
    complete = exports.run()
    (exports.target / NAME).unlink()
    (exports.target / "base" / "network.yaml").unlink()
    assert exports.run() == complete


def test_an_interrupted_change_is_not_taken_for_an_edit(exports: Exports, monkeypatch: pytest.MonkeyPatch) -> None:
    exports.run()
    exports.edit("drain_timeout: 10m", "drain_timeout: 20m")
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomic", until_the_gateway(files.write_atomic))
        with pytest.raises(DiskError):
            exports.run()
    exports.edit("drain_timeout: 20m", "drain_timeout: 30m")
    assert "pending" not in exports.run()[NAME]


def until_the_gateway(write: Callable[..., bool]) -> Callable[..., bool]:
    """Return a function that writes files until one is to be written for which there is no space."""

    def limited(path: Path, text: str, *, mode: int) -> bool:
        if path.name == "gateway.yaml":
            raise DiskError("no space left")
        return write(path, text, mode=mode)

    return limited
