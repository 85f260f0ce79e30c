"""Wheels and indexes that are damaged, hostile or absent: one true sentence, the right exit code, nothing left."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from flowgate.errors import EnvironmentFailure, FlowGateError
from tests.unit.litellm_versions.conftest import VersionStage
from tests.unit.litellm_versions.wheels import litellm

DATA = "litellm-1.108.77.data"
Spoil = Callable[[VersionStage], object]


def spoiled(path: Path, old: bytes, new: bytes) -> None:
    """Change bytes within an archive, so that its checksums are wrong."""
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new.ljust(len(old))[: len(old)]))


def without(path: Path, name: str) -> None:
    """Write an archive again without one of its files."""
    with zipfile.ZipFile(path) as archive:
        kept = {one: archive.read(one) for one in archive.namelist() if not one.endswith(name)}
    with zipfile.ZipFile(path, "w") as archive:
        for one, data in kept.items():
            archive.writestr(one, data)


def wheel(stage: VersionStage) -> Path:
    return stage.wheels / litellm().file_name


def with_files(**files: str) -> Spoil:
    return lambda stage: litellm("1.108.77", **files).write(stage.wheels)


def requiring(*lines: str) -> Spoil:
    return lambda stage: litellm("1.108.77", *lines).write(stage.wheels)


HOSTILE: dict[str, tuple[Spoil, str]] = {
    "a missing wheel": (lambda stage: next(stage.wheels.glob("psutil*")).unlink(), "psutil was not found"),
    "another version only": (
        lambda stage: wheel(stage).rename(stage.wheels / "litellm-1.0-py3-none-any.whl"),
        "litellm",
    ),
    "a requirement that nobody has": (requiring("absent-thing>=1"), "absent-thing was not found"),
    "a conflict with FlowGate": (requiring("rich<1"), "rich"),
    "a conflict with FlowGate's server": (requiring("uvicorn==0.1"), "uvicorn"),
    "another Python": (lambda stage: litellm(python=">=3.99").write(stage.wheels), "Python"),
    "an older Python": (lambda stage: litellm(python="<3.10").write(stage.wheels), "Python"),
    "a truncated wheel": (lambda stage: wheel(stage).write_bytes(wheel(stage).read_bytes()[:300]), "damaged"),
    "an empty wheel": (lambda stage: wheel(stage).write_bytes(b""), "damaged"),
    "a page in place of a wheel": (lambda stage: wheel(stage).write_text("<html>not found</html>"), "damaged"),
    "broken metadata": (lambda stage: spoiled(wheel(stage), b"Metadata-Version: 2.1", b"x"), "damaged"),
    "metadata of another package": (lambda stage: spoiled(wheel(stage), b"Name: litellm", b"Name: litelln"), "damaged"),
    "no metadata": (lambda stage: without(wheel(stage), "METADATA"), "invalid package format"),
    "no list of files": (lambda stage: without(wheel(stage), "RECORD"), "RECORD|list of its files"),
    "no description of the wheel": (lambda stage: without(wheel(stage), "/WHEEL"), "damaged"),
    "a path outside": (with_files(**{"../../../evil.txt": "x"}), "outside of its environment"),
    "a path outside by its data": (with_files(**{"litellm-1.108.77.data/data/../../../../evil.txt": "x"}), "evil"),
    "an absolute path": (with_files(**{"/tmp/flowgate-evil.txt": "x"}), "evil"),
    "code at every start": (
        with_files(**{"litellm_init.pth": "import os; os.abort()\n"}),
        "litellm_init.pth would run",
    ),
    "code under the name of FlowGate's": (
        with_files(**{"flowgate-own.pth": "import os\n"}),
        "flowgate-own.pth would",
    ),
    "code at every start, hidden": (with_files(**{"zz.pth": "\nimport\tos\n"}), "zz.pth would run"),
    "a sitecustomize": (with_files(**{"sitecustomize.py": "raise SystemExit"}), "sitecustomize.py"),
    "a package in FlowGate's place": (with_files(**{"flowgate/__init__.py": "raise SystemExit"}), "flowgate"),
    "a program in Python's place": (with_files(**{f"{DATA}/scripts/python": "#!/bin/sh\n"}), "reserved name"),
    "a program in python3's place": (
        with_files(**{f"{DATA}/scripts/python3": "#!/bin/sh\n"}),
        "reserved name",
    ),
    "settings of the environment": (with_files(**{f"{DATA}/data/pyvenv.cfg": "home = /evil\n"}), "replace pyvenv.cfg"),
    "FlowGate by its data": (with_files(**{f"{DATA}/data/own/flowgate/x.py": ""}), "would replace own/flowgate"),
    "a receipt": (with_files(**{f"{DATA}/data/flowgate-environment.json": "{}"}), "would replace flowgate-environment"),
    "another version inside": (
        lambda stage: litellm("1.0.0").write(stage.folder).rename(wheel(stage)),
        "1.0.0|damaged",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_build_is_refused_in_one_sentence(versions: VersionStage, name: str) -> None:
    spoil, words = HOSTILE[name]
    spoil(versions)
    with pytest.raises(EnvironmentFailure, match=words) as caught:
        versions.install()
    assert (caught.value.code, "\n" in caught.value.what, bool(caught.value.fix)) == (3, False, True)
    assert versions.names() == []
    assert not list(versions.folder.rglob("evil*"))
    assert not Path("/tmp/flowgate-evil.txt").exists()


def test_other_bytes_under_the_same_version_are_refused(versions: VersionStage) -> None:
    versions.install()
    (versions.place / "1.108.77").rename(versions.folder / "away")
    litellm("1.108.77", **{"litellm/more.py": "x = 1\n"}).write(versions.wheels)
    versions.environment["UV_CACHE_DIR"] = str(versions.folder / "empty")  # else uv takes the old ones from its cache
    with pytest.raises(EnvironmentFailure, match=r"(?i)hash") as caught:
        versions.install()
    assert "litellm" in caught.value.what
    assert versions.names() == ["locks"]


def test_other_bytes_are_refused_also_if_the_requirements_have_changed(versions: VersionStage) -> None:
    versions.install()
    (versions.place / "1.108.77").rename(versions.folder / "away")
    lock = versions.place / "locks" / "1.108.77.txt"
    lock.write_text(lock.read_text().replace("requirements", "requirements of before"))
    litellm("1.108.77", **{"litellm/more.py": "x = 1\n"}).write(versions.wheels)
    with pytest.raises(EnvironmentFailure, match=r"litellm==1\.108\.77 is not the file that was installed before"):
        versions.install()


@pytest.mark.parametrize("text", ["", "nonsense", "litellm==1.108.77\n", "\0"])
def test_a_damaged_lock_file_is_made_again(versions: VersionStage, text: str) -> None:
    lock = versions.place / "locks" / "1.108.77.txt"
    lock.parent.mkdir(parents=True)
    lock.write_text(text)
    assert versions.install()[1]["built"]
    assert lock.read_text().startswith("# made by flowgate")


def test_offline_without_wheels_says_what_is_missing(versions: VersionStage) -> None:
    with pytest.raises(FlowGateError, match="from uv's cache alone") as caught:
        versions.install("1.55.1", wheelhouse="", offline=True)
    assert (caught.value.code, caught.value.fix) == (3, "run it without --offline")


def test_wheels_and_offline_together_need_no_network(versions: VersionStage) -> None:
    assert versions.install(offline=True)[1]["built"]
