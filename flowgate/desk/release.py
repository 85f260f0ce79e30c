"""Whether a commit can be released: what the release guide asks for, looked at one by one."""

from __future__ import annotations

import re
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from flowgate.desk import findings, pages, say, workshop
from flowgate.desk.findings import Finding
from flowgate.world import files, git, home, procs

TRAVEL = ("flowgate/tasks.py", "flowgate/playbooks/smoke.yml", "flowgate/examples/embedded.yaml")
SHOWN = 3


def release(quick: bool) -> int:
    """Look whether this commit can be released, and print how.

    quick: leave out the tests and the smoke
    Gives: 1 when something is missing, else 0
    """
    root = workshop.root()
    found = findings.look(
        [
            ("tree", lambda: tree(root)),
            ("version", lambda: version(root)),
            ("pages", lambda: stale_pages(root)),
            ("lock", lambda: lock(root)),
            ("wheel", lambda: wheel(root)),
        ]
    )
    if not quick and not any(one.status == "fail" for one in found):
        found += _run("ci", root, "inv ci") + _run("smoke", root, "inv smoke --profile reliability")
    code = findings.report(found, as_json=False, config=str(root))
    if code == 0:
        tag = f"v{_version(root)}"
        say.data(f"git tag -a {tag} -m {tag}")
        say.data(f"git push origin HEAD {tag}")
    return code


def tree(root: Path) -> Iterator[Finding]:
    """Check that what would be tagged is what is here."""
    changed = git.changed(root)
    if changed:
        more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
        said = f"{', '.join(changed[:SHOWN])}{more} differ from the commit"
        yield Finding("tree", "fail", said, "git status --short")
    else:
        yield Finding("tree", "pass", "the tree is clean")


def version(root: Path) -> Iterator[Finding]:
    """Check that the version has a heading in the changelog, and that its tag is free."""
    number = _version(root)
    text = files.read_text_or_none(root / "CHANGELOG.md") or ""
    top = next(iter(re.findall(r"^## (.+)$", text, re.MULTILINE)), "")
    if top.split(" ")[0] != number:
        said = f"pyproject.toml says {number} and the top of CHANGELOG.md says '{top}'"
        yield Finding("version", "fail", said, "${EDITOR:-vi} CHANGELOG.md pyproject.toml")
    else:
        yield Finding("version", "pass", f"{number} is the top of CHANGELOG.md")
    if git.has_tag(root, f"v{number}"):
        said = f"the tag v{number} is taken"
        yield Finding("version", "fail", said, "${EDITOR:-vi} pyproject.toml CHANGELOG.md")


def stale_pages(root: Path) -> Iterator[Finding]:
    """Check that the generated pages say what the code does."""
    if root == home.checkout():
        pages.write_all(check=True)
    yield Finding("pages", "pass", "the generated pages are fresh")


def lock(root: Path) -> Iterator[Finding]:
    """Check that `uv.lock` is that of `pyproject.toml`."""
    code = procs.run_visible(["uv", "lock", "--check", "--quiet"], cwd=root)
    if code:
        yield Finding("lock", "fail", "uv.lock is not that of pyproject.toml", "uv lock")
    else:
        yield Finding("lock", "pass", "uv.lock is that of pyproject.toml")


def wheel(root: Path) -> Iterator[Finding]:
    """Check that a wheel can be built and carries what must travel with it."""
    with tempfile.TemporaryDirectory() as name:
        argv = ["uv", "build", "--quiet", "--wheel", "--out-dir", name]
        built = sorted(Path(name).glob("*.whl")) if procs.run_visible(argv, cwd=root) == 0 else []
        if not built:
            yield Finding("wheel", "fail", "no wheel could be built", "inv build")
            return
        with zipfile.ZipFile(built[0]) as archive:
            missing = [one for one in TRAVEL if one not in archive.namelist()]
    if missing:
        yield Finding("wheel", "fail", f"the wheel lacks {', '.join(missing)}", "${EDITOR:-vi} pyproject.toml")
    else:
        yield Finding("wheel", "pass", f"{built[0].name} carries tasks, playbooks and example configs")


def _run(name: str, root: Path, typed: str) -> list[Finding]:
    _, task, *flags = typed.split()
    code = procs.run_visible([str(home.python()), "-m", "invoke", task, *flags], cwd=root)
    if code:
        return [Finding(name, "fail", f"`{typed}` says no ({code})", typed)]
    return [Finding(name, "pass", f"`{typed}` says yes")]


def _version(root: Path) -> str:
    text = files.read_text(root / "pyproject.toml")
    return str(tomllib.loads(text)["project"]["version"])
