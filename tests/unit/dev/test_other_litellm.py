"""`inv test --litellm VERSION`, with a fake uv."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dev import other_litellm, tasks
from flowgate.errors import CheckFailed, EnvironmentFailure, UsageError
from tests.unit.dev.test_release import commit, git, put

# It makes an environment whose Python is a script: it tells its LiteLLM's version, or notes pytest's arguments.
UV = """\
#!/bin/sh
echo "$@" >> {log}
case "$1" in
  sync) mkdir -p .venv/bin; cp {folder}/python .venv/bin/python;;
  pip)
    echo 'error: No solution found when resolving dependencies' >&2
    echo '  cause: Because there is none, we can conclude that it fails.' >&2
    exit {code};;
esac
"""
PYTHON = """\
#!/bin/sh
if [ "$1" = -I ]; then echo {version}; else echo "$@ in $PWD $VIRTUAL_ENV" >> {log}; ls >> {log}; exit 5; fi
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with a tracked file, a new file and an ignored one."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q")
    put(folder, ".gitignore", "ignored\n")
    put(folder, "tracked", "")
    commit(folder)
    put(folder, "new", "")
    put(folder, "ignored", "")
    return folder


def fake(folder: Path, monkeypatch: pytest.MonkeyPatch, version: str = "1.108.7", code: int = 0) -> Path:
    """Put a fake uv into force; return the log of what was run."""
    log = folder / "log"
    for name, text in (("uv", UV), ("python", PYTHON)):
        put(folder, name, text.format(log=log, folder=folder, version=version, code=code))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("UV", str(folder / "uv"))
    monkeypatch.setenv("VIRTUAL_ENV", "/another")
    return log


def test_the_live_tests_run_in_a_copy(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake(tmp_path, monkeypatch)
    assert other_litellm.run(root, "1.108.7", ["-m", "not long"], []) == 5
    sync, install, run, *files = log.read_text().splitlines()
    assert sync == f"sync --locked --quiet --compile-bytecode --group=test --python={sys.executable}"
    assert install.endswith("/checkout/.venv/bin/python litellm[proxy]==1.108.7")
    assert run.startswith("-m pytest -m not long tests/live in ")
    assert files == ["new", "tracked"]


def test_named_tests_run_in_place_of_all(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake(tmp_path, monkeypatch)
    other_litellm.run(root, "1.108.7", [], ["tests/live/test_smoke.py", "-x"])
    assert "-m pytest tests/live/test_smoke.py -x in " in log.read_text()


def test_nothing_is_left_of_the_copy(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake(tmp_path, monkeypatch)
    other_litellm.run(root, "1.108.7", [], [])
    copy = log.read_text().splitlines()[2].split(" in ")[1].strip()
    assert (Path(copy).name, Path(copy).exists()) == ("checkout", False)


def test_another_version_than_the_wanted_one_is_not_tested(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake(tmp_path, monkeypatch, version="1.106.2")
    with pytest.raises(CheckFailed, match=r"LiteLLM 1\.106\.2 was installed in place of 1\.108\.7"):
        other_litellm.run(root, "1.108.7", [], [])
    assert "pytest" not in log.read_text()


def test_a_version_that_cannot_be_installed_is_a_failure_outside(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake(tmp_path, monkeypatch, code=1)
    with pytest.raises(
        EnvironmentFailure, match=r"No solution found when resolving dependencies: Because there is none$"
    ):
        other_litellm.run(root, "1.108.7", [], [])


@pytest.mark.parametrize("version", ["1.107.0", "1.107", "v1.82.7", "1.82.8+x", "newest", "--pre", ">=1.108", "1 x"])
def test_a_blocked_version_or_none_is_refused(version: str) -> None:
    with pytest.raises(UsageError):
        other_litellm.checked(version)


@pytest.mark.parametrize("version", ["1.108.7", "1.110.0rc1", "1.106.2.post1"])
def test_a_version_that_is_not_blocked_is_accepted(version: str) -> None:
    other_litellm.checked(version)


def test_coverage_of_another_litellm_is_refused() -> None:
    with pytest.raises(UsageError, match="locked LiteLLM only"):
        tasks.test(long=False, cov=True, junit="", args="", litellm="1.108.7")
