from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from dev import reference_pages, release
from flowgate.cli.checks.finding import Finding
from flowgate.errors import UsageError
from tests.conftest import CHECKOUT, CompletedCommand, without_crash

NEEDS_UV = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
TEXTS = {
    "pyproject.toml": '[project]\nname = "flowgate"\nversion = "0.3.0"\nrequires-python = ">=3.11"\n',
    "CHANGELOG.md": "# Changelog\n\n## 0.3.0\n\n- new\n\n## 0.2.0\n",
    "flowgate/__init__.py": '"""It."""\n\n__version__ = "0.3.0"\n',
}
INSIDE = ("flowgate/a.py", "flowgate/tasks.py", "flowgate/playbooks/up.yml", "flowgate/examples/embedded.yaml")
TRACKED = ("flowgate/a.py", "tasks.py", "playbooks/up.yml", "config/examples/embedded.yaml", "tests/a.py", "README.md")


def git(root: Path, *words: str) -> str:
    who = (
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.org",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "tag.gpgsign=false",
    )
    done = subprocess.run(["git", "-C", str(root), *who, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def put(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


def commit(root: Path) -> Path:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "ready")
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small project, committed, that a release could be made of."""
    git(tmp_path, "init", "-q")
    for name, text in TEXTS.items():
        put(tmp_path, name, text)
    for path, text in reference_pages.stale(tmp_path).items():
        put(tmp_path, str(path.relative_to(tmp_path)), text)
    return commit(tmp_path)


def one(found: object) -> Finding:
    (finding,) = list(found)  # type: ignore[call-overload]
    assert isinstance(finding, Finding)
    return finding


def test_a_committed_project_passes_every_look_that_needs_no_tool(project: Path) -> None:
    looks = (release.tree(project), release.heading(project, "0.3.0"), release.tag(project, "0.3.0"))
    assert [one(found).status for found in (*looks, release.generated(project))] == ["pass"] * 4


def test_what_is_not_committed_is_named(project: Path) -> None:
    put(project, "new file.txt", "")
    git(project, "mv", "CHANGELOG.md", "OTHER.md")
    found = one(release.tree(project))
    assert (found.status, found.message) == ("fail", "not committed: OTHER.md, new file.txt")


def test_what_git_ignores_is_no_change(project: Path) -> None:
    put(project, ".gitignore", "dist/\n")
    commit(project)
    put(project, "dist/old.whl", "")
    assert one(release.tree(project)).status == "pass"


@pytest.mark.parametrize("top", ["## 0.3.0", "## v0.3.0 (2026-01-31)", "## [0.3.0] - 2026-01-31", "##  0.3.0"])
def test_a_heading_may_hold_more_than_the_version(project: Path, top: str) -> None:
    put(project, "CHANGELOG.md", f"# Changelog\n\n{top}\n")
    assert one(release.heading(project, "0.3.0")).status == "pass"


@pytest.mark.parametrize(
    "text, message, line",
    [
        ("# Changelog\n\n## Unreleased\n\n## 0.3.0\n", "begins with 'Unreleased'", 3),
        ("# Changelog\n\n\n## 0.3.0rc1\n", "begins with '0.3.0rc1'", 4),
        ("# Changelog\n", "has no heading", 1),
    ],
)
def test_a_changelog_that_begins_otherwise_fails_with_its_line(
    project: Path, text: str, message: str, line: int
) -> None:
    put(project, "CHANGELOG.md", text)
    found = one(release.heading(project, "0.3.0"))
    assert (found.status, message in found.message) == ("fail", True)
    assert found.fix.endswith(f"+{line} {project}/CHANGELOG.md")


def test_a_program_that_calls_itself_otherwise_fails(project: Path) -> None:
    put(project, "flowgate/__init__.py", '__version__ = "0.2.0"\n')
    assert "flowgate/__init__.py is 0.2.0" in one(release.heading(project, "0.3.0")).message


@pytest.mark.parametrize("kind", [("-a", "-m", "x"), ()])
def test_a_tag_that_is_taken_fails_and_names_its_commit(project: Path, kind: tuple[str, ...]) -> None:
    git(project, "tag", *kind, "v0.3.0")
    found = one(release.tag(project, "0.3.0"))
    assert (found.status, git(project, "rev-parse", "--short", "HEAD") in found.message) == ("fail", True)


def test_a_stale_page_is_named(project: Path) -> None:
    put(project, "docs/steps.md", "old")
    found = one(release.generated(project))
    assert (found.status, found.message, found.fix) == ("fail", "stale: docs/steps.md", "inv docs")


@pytest.mark.parametrize("text", ["[project]\nname = 'x'\n", "[project\n"])
def test_a_project_without_a_version_is_refused(project: Path, text: str) -> None:
    put(project, "pyproject.toml", text)
    with pytest.raises(UsageError, match=r"pyproject\.toml"):
        release.project_of(project)


@NEEDS_UV
def test_a_lock_is_fresh_until_the_project_asks_for_something_else(project: Path) -> None:
    subprocess.run(["uv", "lock", "--offline", "--quiet"], cwd=project, check=True)
    assert one(release.lock(project)).status == "pass"
    put(project, "pyproject.toml", TEXTS["pyproject.toml"].replace("0.3.0", "0.4.0"))
    before = (project / "uv.lock").read_text()
    found = one(release.lock(project))
    assert (found.status, found.fix, (project / "uv.lock").read_text()) == ("fail", "uv lock", before)


def test_without_uv_the_checks_that_need_it_fail_with_a_way_out(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git_alone = project.parent / "bin"
    git_alone.mkdir(exist_ok=True)
    (git_alone / "git").symlink_to(shutil.which("git") or "git")
    monkeypatch.setenv("PATH", str(git_alone))
    found = {one.check: one for one in release.look(project, "0.3.0")}
    assert [found[name].status for name in ("tree", "lock")] == ["pass", "fail"]
    assert found["lock"].fix.startswith("install it")
    assert "wheel" not in found  # the same error is told once


# --- the wheel


def test_a_wheel_with_just_the_tracked_files_fits() -> None:
    assert list(release.misfits(TRACKED, [*INSIDE, "flowgate-0.3.0.dist-info/METADATA"])) == []


@pytest.mark.parametrize(
    "inside, message",
    [
        (INSIDE[1:], ["lacks flowgate/a.py"]),
        ((INSIDE[0], *INSIDE[2:]), ["contains no flowgate/tasks.py"]),
        ((*INSIDE[:2], INSIDE[3]), ["contains no flowgate/playbooks/"]),
        (INSIDE[:3], ["contains no flowgate/examples/"]),
        ((*INSIDE, "flowgate/.env"), ["contains flowgate/.env, which git does not track"]),
        ((*INSIDE, "tests/a.py"), ["contains tests/a.py, which git does not track"]),
    ],
)
def test_missing_and_extra_files_of_a_wheel_are_named(inside: tuple[str, ...], message: list[str]) -> None:
    assert list(release.misfits(TRACKED, inside)) == message


# --- the whole command


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of this checkout, committed, with a version at the top of its changelog."""
    argv = ["git", "-C", str(CHECKOUT), "ls-files", "-co", "--exclude-standard"]
    for name in subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines():
        if (CHECKOUT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, tmp_path / name)
    version = release.project_of(tmp_path)[1]
    put(tmp_path, "CHANGELOG.md", f"# Changelog\n\n## {version}\n")
    git(tmp_path, "init", "-q")
    return commit(tmp_path)


def inv_release(root: Path) -> CompletedCommand:
    argv = [sys.executable, "-m", "invoke", "release", "--quick"]
    env = {**os.environ, "PYTHONPATH": str(root)}
    return without_crash(
        subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, check=False, timeout=300)
    )


def state(root: Path) -> tuple[str, str]:
    ours = ("status", "--porcelain", "--ignored", ":!*__pycache__*")
    return git(root, "for-each-ref"), git(root, *ours)


def test_what_belongs_in_the_wheel_is_what_the_build_is_told() -> None:
    told = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    there = {here.rstrip("/"): inside.rstrip("/") for here, inside in release.IN_WHEEL}
    assert there == {**told["force-include"], **{name: name for name in told["packages"]}}


@pytest.mark.long
@NEEDS_UV
def test_a_fit_checkout_gets_its_commands_and_is_left_as_it_was(checkout: Path) -> None:
    before = state(checkout)
    done = inv_release(checkout)
    tag, short = f"v{release.project_of(checkout)[1]}", git(checkout, "rev-parse", "--short", "HEAD")
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = [*release.FIRST, "inv build", f"git tag -a {tag} -m {tag} {short}", f"git push origin {tag}"]
    assert done.stdout.splitlines()[-len(wanted) :] == wanted
    assert state(checkout) == before


@pytest.mark.long
@NEEDS_UV
def test_a_wheel_without_its_playbooks_is_no_release(checkout: Path) -> None:
    text = (checkout / "pyproject.toml").read_text()
    put(checkout, "pyproject.toml", text.replace('"playbooks" = "flowgate/playbooks"\n', ""))
    commit(checkout)
    done = inv_release(checkout)
    failed = [line for line in done.stdout.splitlines() if line.startswith("fail")]
    assert (done.returncode, "git push" in done.stdout, len(failed)) == (1, False, 1)
    assert "contains no flowgate/playbooks/" in failed[0]


@pytest.mark.parametrize("typed, status", [("inv --version", "pass"), ("inv nonsense", "fail")])
def test_a_task_that_says_no_is_a_failure(project: Path, typed: str, status: str) -> None:
    assert one(release.run(project, typed)).status == status
