"""What a release needs: one finding each, and the commands that would make it. Nothing is tagged or pushed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from functools import partial
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from dev import packaging, reference_pages, tasks
from flowgate.cli import console
from flowgate.cli.checks import finding
from flowgate.cli.checks.finding import Finding
from flowgate.errors import UsageError
from flowgate.system import files, git, locations, processes

HEADING = re.compile(r"^## +\[?v?([^\]\s]+)", re.MULTILINE)
OWN_VERSION = re.compile(r'^__version__ = "(.*)"$', re.MULTILINE)
# Where the checkout's files lie in the wheel: the first that a name begins with.
IN_WHEEL = (
    ("flowgate/", "flowgate/"),
    ("playbooks/", "flowgate/playbooks/"),
    ("config/examples/", "flowgate/examples/"),
    ("tasks.py", "flowgate/tasks.py"),
    ("docs/playbook.schema.json", "flowgate/docs/playbook.schema.json"),
)
FIRST = ("inv ci", "inv security.check", "inv smoke --profile reliability")  # these take minutes


def release(quick: bool) -> int:
    """Print whether this commit can be released, and the commands that would do it; 1 when it cannot.

    Args:
        quick: Leave out the tests and the smoke; their commands are printed with the others.

    Raises:
        UsageError: Outside a checkout, or for a pyproject.toml without a version.
    """
    root = tasks.root()
    version = version_of(root)
    found = look(root, version)
    if not quick and all(one.status != "fail" for one in found):
        found += [finding for typed in FIRST for finding in run(root, typed)]
    code = finding.print_findings(found, as_json=False, config="")
    if code == 0:
        commit, subject = git.head(root)
        console.note(f"v{version} would be {commit} ({subject}); nothing has been tagged or pushed. The commands:")
        for command in [*(FIRST if quick else ()), *commands(version, commit)]:
            console.data(command)
    return code


def look(root: Path, version: str) -> list[Finding]:
    """Make every check of a checkout, in the order in which they are mended."""
    return finding.run_checks(
        [
            ("tree", partial(tree, root)),
            ("version", partial(heading, root, version)),
            ("tag", partial(tag, root, version)),
            ("pages", partial(generated, root)),
            ("lock", partial(lock, root)),
            ("wheel", partial(wheel, root, version)),
        ]
    )


def run(root: Path, typed: str) -> Iterator[Finding]:
    """Run a task of ours, its output as it comes, and find whether it says yes."""
    _, task, *flags = typed.split()
    code = processes.run_visible([str(locations.python()), "-m", "invoke", task, *flags], cwd=root)
    if code:
        yield Finding(task, "fail", f"`{typed}` says no ({code})", typed)
    else:
        yield Finding(task, "pass", f"`{typed}` says yes")


def commands(version: str, commit: str) -> list[str]:
    """Give the commands that make the release, in order."""
    name = quote(f"v{version}")
    return ["inv build", f"git tag -a {name} -m {name} {commit}", f"git push origin {name}"]


def version_of(root: Path) -> str:
    """Read the version that `pyproject.toml` names.

    Raises:
        UsageError: See the message.
    """
    path = root / "pyproject.toml"
    try:
        project = tomllib.loads(files.read_text(path)).get("project", {})
    except tomllib.TOMLDecodeError as fault:
        raise UsageError(f"{path} is no TOML: {fault}") from None
    if not isinstance(project.get("version"), str):
        raise UsageError(f"{path} names no version", fix="write `version` under [project]")
    return str(project["version"])


def tree(root: Path) -> Iterator[Finding]:
    """Check that everything is committed."""
    left = git.changed_files(root)
    if not left:
        yield Finding("tree", "pass", "everything is committed")
        return
    more = f" and {len(left) - 3} more" if len(left) > 3 else ""
    message = f"not committed: {', '.join(left[:3])}{more}"
    yield Finding("tree", "fail", message, f"git -C {quote(str(root))} status --short")


def heading(root: Path, version: str) -> Iterator[Finding]:
    """Check that the changelog begins with this version, and that the program calls itself by it."""
    log, own = root / "CHANGELOG.md", root / "flowgate" / "__init__.py"
    top = HEADING.search(files.read_text(log))
    called = OWN_VERSION.search(files.read_text(own))
    if top is None or top[1] != version:
        begins = f"begins with '{top[1]}'" if top else "has no heading '## VERSION'"
        line = files.read_text(log)[: top.start()].count("\n") + 1 if top else 1
        message = f"CHANGELOG.md {begins}, pyproject.toml says {version}"
        yield Finding("version", "fail", message, finding.edit_command(f"{log}:{line}"))
    if called is None or called[1] != version:
        says = called[1] if called else "nothing"
        message = f"flowgate/__init__.py says {says} of its version, pyproject.toml {version}"
        yield Finding("version", "fail", message, finding.edit_command(str(own)))
    if top and called and top[1] == called[1] == version:
        yield Finding("version", "pass", f"{version} in pyproject.toml, in the program and at the top of CHANGELOG.md")


def tag(root: Path, version: str) -> Iterator[Finding]:
    """Check that the version's tag is free."""
    held = git.tagged_commit(root, f"v{version}")
    if held:
        message = f"v{version} is taken: it names {held}; what was released stays as it is, so take the next version"
        yield Finding("tag", "fail", message, finding.edit_command(str(root / "pyproject.toml")))
    else:
        yield Finding("tag", "pass", f"v{version} is free here")


def generated(root: Path) -> Iterator[Finding]:
    """Check that the generated pages say what the code does."""
    stale = [str(path.relative_to(root)) for path in reference_pages.stale(root)]
    if stale:
        yield Finding("pages", "fail", f"stale: {', '.join(stale)}", "inv docs")
    else:
        yield Finding("pages", "pass", "the generated pages say what the code does")


def lock(root: Path) -> Iterator[Finding]:
    """Check that `uv.lock` is what `pyproject.toml` asks for."""
    if packaging.is_locked(root):
        yield Finding("lock", "pass", "uv.lock is what pyproject.toml asks for")
    else:
        yield Finding("lock", "fail", "uv.lock is not what pyproject.toml asks for", "uv lock")


def wheel(root: Path, version: str) -> Iterator[Finding]:
    """Check that the wheel can be built, is of this version, and carries what belongs in it and nothing else."""
    with TemporaryDirectory(prefix="flowgate-wheel-") as folder:
        built = packaging.build_wheel(root, Path(folder))
        inside = packaging.members(built)
    name = built.name
    if not name.startswith(f"flowgate-{version}-"):
        yield Finding("wheel", "fail", f"{name} is of another version than {version}", "uv build --wheel")
    faults = list(misfits(git.tracked(root), inside))
    for fault in faults:
        yield Finding("wheel", "fail", f"{name} {fault}", finding.edit_command(str(root / "pyproject.toml")))
    if not faults:
        yield Finding("wheel", "pass", f"{name} carries the tasks, the playbooks and the example configs")


def misfits(tracked: Collection[str], inside: Collection[str]) -> Iterator[str]:
    """Say what is wrong with a wheel.

    Args:
        tracked: The checkout's files.
        inside: The wheel's.
    """
    wanted = {
        there + name.removeprefix(here)
        for name in tracked
        for here, there in IN_WHEEL
        if name == here or (here.endswith("/") and name.startswith(here))
    }
    for needed in ("flowgate/tasks.py", "flowgate/playbooks/", "flowgate/examples/"):
        if not any(name.startswith(needed) for name in inside):
            yield f"carries no {needed}"
            wanted = {name for name in wanted if not name.startswith(needed)}
    for name in sorted(wanted - set(inside)):
        yield f"lacks {name}"
    for name in sorted(set(inside) - wanted):
        if ".dist-info/" not in name:
            yield f"carries {name}, which git does not track"
