"""`inv release`: check what a release needs and print its commands. Nothing is tagged or pushed."""

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
    """Print whether this commit can be released, and the commands that release it.

    Args:
        quick: Leave out the tests and the smoke; their commands are printed with the others.

    Returns:
        0, or 1 when the commit cannot be released.

    Raises:
        UsageError: There is no checkout, or pyproject.toml names no version.
    """
    root = tasks.root()
    version = project_of(root)[1]
    found = look(root, version)
    if not quick and all(one.status != "fail" for one in found):
        found += [finding for typed in FIRST for finding in run(root, typed)]
    code = finding.print_findings(found, as_json=False, config="")
    if code == 0:
        commit, subject = git.head(root)
        console.note(f"v{version} would be {commit} ({subject}); nothing was tagged or pushed. The commands:")
        for command in [*(FIRST if quick else ()), *commands(version, commit)]:
            console.data(command)
    return code


def look(root: Path, version: str) -> list[Finding]:
    """Run every check of a checkout, in the order in which the findings are fixed.

    Args:
        root: The checkout.
        version: Version to release.

    Returns:
        The findings.
    """
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
    """Run a task, with its output as it comes.

    Args:
        root: The checkout.
        typed: The command, as a person types it.

    Yields:
        Whether it succeeded.
    """
    _, task, *flags = typed.split()
    code = processes.run_visible([str(locations.python()), "-m", "invoke", task, *flags], cwd=root)
    if code:
        yield Finding(task, "fail", f"`{typed}` failed with exit code {code}", typed)
    else:
        yield Finding(task, "pass", f"`{typed}` passed")


def commands(version: str, commit: str) -> list[str]:
    """Return the commands that make the release, in order.

    Args:
        version: Version to release.
        commit: Commit to tag.

    Returns:
        Shell commands.
    """
    name = quote(f"v{version}")
    return ["inv build", f"git tag -a {name} -m {name} {commit}", f"git push origin {name}"]


def project_of(root: Path) -> tuple[str, str]:
    """Read `pyproject.toml`.

    Args:
        root: The checkout.

    Returns:
        The distribution's name and version.

    Raises:
        UsageError: The file is not TOML, or names no version.
    """
    path = root / "pyproject.toml"
    try:
        project = tomllib.loads(files.read_text(path)).get("project", {})
    except tomllib.TOMLDecodeError as fault:
        raise UsageError(f"{path} is not TOML: {fault}") from None
    if not isinstance(project.get("version"), str):
        raise UsageError(f"{path} names no version", fix="write `version` under [project]")
    return str(project.get("name", "")), str(project["version"])


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
    """Check that the changelog begins with this version, and that the program reports it."""
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
        message = f"__version__ in flowgate/__init__.py is {says}, pyproject.toml says {version}"
        yield Finding("version", "fail", message, finding.edit_command(str(own)))
    if top and called and top[1] == called[1] == version:
        yield Finding("version", "pass", f"{version} in pyproject.toml, in the program and at the top of CHANGELOG.md")


def tag(root: Path, version: str) -> Iterator[Finding]:
    """Check that the version's tag is free."""
    held = git.tagged_commit(root, f"v{version}")
    if held:
        message = f"v{version} exists already ({held}); use the next version"
        yield Finding("tag", "fail", message, finding.edit_command(str(root / "pyproject.toml")))
    else:
        yield Finding("tag", "pass", f"v{version} does not exist yet")


def generated(root: Path) -> Iterator[Finding]:
    """Check that the generated pages are up to date."""
    stale = [str(path.relative_to(root)) for path in reference_pages.stale(root)]
    if stale:
        yield Finding("pages", "fail", f"stale: {', '.join(stale)}", "inv docs")
    else:
        yield Finding("pages", "pass", "the generated pages are up to date")


def lock(root: Path) -> Iterator[Finding]:
    """Check that `uv.lock` matches `pyproject.toml`."""
    if packaging.is_locked(root):
        yield Finding("lock", "pass", "uv.lock matches pyproject.toml")
    else:
        yield Finding("lock", "fail", "uv.lock does not match pyproject.toml", "uv lock")


def wheel(root: Path, version: str) -> Iterator[Finding]:
    """Check that the wheel can be built, has this version, and contains the right files and no others."""
    with TemporaryDirectory(prefix="flowgate-wheel-") as folder:
        built = packaging.build_wheel(root, Path(folder))
        inside = packaging.members(built)
    name = built.name
    project = re.sub(r"[-_.]+", "_", project_of(root)[0]).lower()
    if not name.startswith(f"{project}-{version}-"):
        yield Finding("wheel", "fail", f"{name} is not {project} {version}", "uv build --wheel")
    faults = list(misfits(git.tracked(root), inside))
    for fault in faults:
        yield Finding("wheel", "fail", f"{name} {fault}", finding.edit_command(str(root / "pyproject.toml")))
    if not faults:
        yield Finding("wheel", "pass", f"{name} contains the tasks, the playbooks and the example configs")


def misfits(tracked: Collection[str], inside: Collection[str]) -> Iterator[str]:
    """Compare the files of a wheel with those of the checkout.

    Args:
        tracked: The checkout's files.
        inside: The wheel's.

    Yields:
        What is wrong, as the end of a sentence that begins with the wheel's name.
    """
    wanted = {
        there + name.removeprefix(here)
        for name in tracked
        for here, there in IN_WHEEL
        if name == here or (here.endswith("/") and name.startswith(here))
    }
    for needed in ("flowgate/tasks.py", "flowgate/playbooks/", "flowgate/examples/"):
        if not any(name.startswith(needed) for name in inside):
            yield f"contains no {needed}"
            wanted = {name for name in wanted if not name.startswith(needed)}
    for name in sorted(wanted - set(inside)):
        yield f"lacks {name}"
    for name in sorted(set(inside) - wanted):
        if ".dist-info/" not in name:
            yield f"contains {name}, which git does not track"
