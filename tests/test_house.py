"""Rules about the code that import-linter and ruff cannot express."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flowgate"
PRINTERS = {  # modules whose output is data, or the log of a process
    "flowgate/cli/console.py",
    "flowgate/supervisor/worker.py",
    "flowgate/system/streams.py",
    "flowgate/supervisor/fork_server.py",
}
TOP_LEVEL = {
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.md",
    "SECURITY.md",
    "config",
    "dev",
    "docs",
    "flowgate",
    "Containerfile",
    "mkdocs.yml",
    "playbooks",
    "pyproject.toml",
    "scripts",
    "tasks.py",
    "tests",
    "uv.lock",
}
MAX_FUNCTION_LINES = 50
MAX_MODULE_LINES = 250
ALIAS = re.compile(r"\s*(?:type )?([A-Z]\w*)(?:: TypeAlias)? = ([^()#]*)(?:#.*)?")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Yield name and tree of every module of the product."""
    for path in sorted([*PACKAGE.rglob("*.py"), *(ROOT / "dev").rglob("*.py")]):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_files_are_opened_by_system_and_supervisor_only() -> None:
    allowed = ("flowgate/system/", "flowgate/supervisor/", "flowgate/embedded_upstream/", "dev/")
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if not name.startswith(allowed)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open"
    ]
    assert found == []


def test_only_the_console_writes_to_stdout_and_stderr() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, tree in modules()
        if name not in PRINTERS and not name.startswith("flowgate/embedded_upstream/")
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr") and _is_sys(node.value)
    ]
    assert found == []


def _is_sys(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "sys"


@pytest.mark.parametrize(
    "package, words",
    [
        ("supervisor", ("litellm", "cliproxy", "playbook")),
        ("request_filter", ("litellm", "cliproxy", "playbook")),
        ("playbook", ("litellm", "cliproxy")),
    ],
)
def test_general_packages_name_no_program(package: str, words: tuple[str, ...]) -> None:
    texts = {path.name: path.read_text(encoding="utf-8").lower() for path in (PACKAGE / package).glob("*.py")}
    assert texts
    assert [f"{name}: {word}" for name, text in texts.items() for word in words if word in text] == []


def test_functions_and_modules_are_short() -> None:
    long = []
    for name, tree in modules():
        lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
        long += [f"{name}: {lines} lines"] if lines > MAX_MODULE_LINES else []
        long += [
            f"{name}:{node.lineno}: {node.name} has {_length(node)} lines"
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _length(node) > MAX_FUNCTION_LINES
        ]
    assert long == []


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_any_typed_dictionaries_stay_rare() -> None:
    texts = {path: path.read_text(encoding="utf-8").splitlines() for path in sorted(PACKAGE.rglob("*.py"))}
    any_typed = _any_typed([line for lines in texts.values() for line in lines])
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path, lines in texts.items()
        if "config" not in path.relative_to(PACKAGE).parts
        for line in lines
        if any_typed.search(line.partition("#")[0])
    ]
    assert len(found) < 20, "\n".join(found)


def test_an_alias_of_an_any_typed_dictionary_counts_as_one() -> None:
    lines = [
        "Tree = dict[str, Any]  # YAML",
        'Trees: TypeAlias = "list[Tree]"',
        "if TYPE_CHECKING:",
        "    type Row = Tree",
    ]
    any_typed = _any_typed(lines)
    assert [line for line in (*lines, "x: Row", "x: Trees", "x: dict[str, Value]") if any_typed.search(line)] == [
        *(lines[0], lines[1], lines[3], "x: Row", "x: Trees")
    ]


def _any_typed(lines: list[str]) -> re.Pattern[str]:
    """Return a pattern of the types that are, or contain, a dictionary of `Any`: as written and behind aliases."""
    aliases: set[str] = set()
    while True:
        pattern = re.compile("|".join([r"(?:dict|Mapping)\[str, Any\]", *(rf"\b{name}\b" for name in sorted(aliases))]))
        found = {match[1] for match in map(ALIAS.fullmatch, lines) if match and pattern.search(match[2])}
        if found <= aliases:
            return pattern
        aliases |= found


def test_nothing_else_lies_at_the_top() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    tops = {path.split("/")[0] for path in listed}
    assert {top for top in tops if not top.startswith(".")} <= TOP_LEVEL
