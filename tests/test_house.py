"""The house's plan as data: who may import whom, and who may touch the machine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "flowgate"

FLOORS = {
    "errors": 0,
    "model": 1,
    "settings": 2,
    "world": 2,
    "play": 3,
    "stack": 3,
    "supervisor": 4,
    "auth": 4,
    "reach": 5,
    "step": 6,
    "steps": 7,
    "desk": 8,
    "tasks": 9,
    "cli": 9,
}
# The machine may be touched in world/ and in the keeper's own processes.
MACHINE = {"os", "subprocess", "socket", "signal", "time", "requests", "psutil", "fcntl", "selectors", "shutil"}
MACHINE_ROOMS = {"world", "supervisor"}
MACHINE_EXCEPTIONS = {
    "desk/say.py": {"os"},  # NO_COLOR, TERM
    "desk/office.py": {"os"},  # FLOWGATE_CONFIG
    "desk/order.py": {"os"},  # the command's own environment
    "desk/workshop.py": {"shutil"},  # `clean`
}
ONLY_IN = {
    "invoke": {"tasks.py", "flowgate/cli.py"},
    "litellm": set[str](),
    "ansible": set[str](),  # the tests alone run it, to compare
    "uvicorn": {"flowgate/keeper/child.py", "flowgate/keeper/doors.py"},
}
TOP_LEVEL = {
    "tasks.py",
    "pyproject.toml",
    "uv.lock",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "flowgate",
    "playbooks",
    "tests",
    "config",
    "scripts",
    "docs",
}


def modules() -> Iterator[tuple[str, str, ast.Module]]:
    """Give (path, room, tree) of every module of the package but `embedded/`, a program of its own."""
    for path in sorted([*PACKAGE.rglob("*.py"), ROOT / "tasks.py"]):
        name = path.relative_to(ROOT).as_posix()
        if name.startswith("flowgate/embedded/") or name in ("flowgate/__init__.py",):
            continue
        parts = name.removesuffix(".py").split("/")
        yield name, parts[1] if parts[0] == "flowgate" else parts[0], ast.parse(path.read_text(encoding="utf-8"))


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_lower_floors_never_import_upper_ones() -> None:
    wrong = []
    for name, room, tree in modules():
        for target in imports(tree):
            parts = target.split(".")
            if parts[0] != "flowgate" or len(parts) < 2 or parts[1] not in FLOORS:
                continue
            same_floor = FLOORS[parts[1]] == FLOORS[room] and parts[1] != room
            allowed = {("play", "settings"), ("settings", "world")} - {("settings", "world")}
            if FLOORS[parts[1]] > FLOORS[room] or (same_floor and (room, parts[1]) not in allowed):
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_nobody_imports_the_embedded_upstream() -> None:
    assert [
        name for name, _, tree in modules() if any(t.startswith("flowgate.embedded_upstream") for t in imports(tree))
    ] == []


def test_only_world_and_keeper_touch_the_machine() -> None:
    wrong = []
    for name, room, tree in modules():
        if room in MACHINE_ROOMS:
            continue
        allowed = MACHINE_EXCEPTIONS.get(name.removeprefix("flowgate/"), set())
        touched = {target.split(".")[0] for target in imports(tree)} & (MACHINE - allowed)
        touched |= {
            "open(" for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "open"
        }
        wrong += [f"{name} uses {one}" for one in sorted(touched)]
    assert wrong == []


def test_only_the_printer_prints() -> None:
    wrong = []
    for name, _, tree in modules():
        if name in ("flowgate/desk/say.py", "flowgate/keeper/child.py", "flowgate/keeper/nursery.py"):
            continue  # the child's output is its log
        for node in ast.walk(tree):
            printing = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
            stdout = isinstance(node, ast.Attribute) and node.attr in ("stdout", "stderr") and _is_sys(node.value)
            if printing or stdout:
                wrong.append(f"{name}:{getattr(node, 'lineno', 0)}")
    assert wrong == []


def _is_sys(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "sys"


def test_foreign_packages_stay_in_their_rooms() -> None:
    wrong = []
    for name, _, tree in modules():
        for target in imports(tree):
            package = target.split(".")[0]
            if package in ONLY_IN and name not in ONLY_IN[package]:
                wrong.append(f"{name} imports {target}")
    assert wrong == []


def test_the_keeper_knows_no_profile_and_no_playbook() -> None:
    wrong = []
    for path in (PACKAGE / "supervisor").glob("*.py"):
        text = path.read_text(encoding="utf-8").lower()
        wrong += [f"{path.name}: {word}" for word in ("litellm", "cliproxy", "playbook") if word in text]
    assert wrong == []


def test_play_knows_no_service() -> None:
    texts = {path.name: path.read_text(encoding="utf-8").lower() for path in (PACKAGE / "play").glob("*.py")}
    assert [name for name, text in texts.items() if "litellm" in text or "cliproxy" in text] == []


def test_functions_fit_on_a_screen_and_modules_in_a_sitting() -> None:
    wrong = []
    for name, _, tree in modules():
        lines = (ROOT / name).read_text(encoding="utf-8").count("\n")
        if lines > 400 and name != "tasks.py":  # the table of contents grows with what there is to list
            wrong.append(f"{name}: {lines} lines")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _length(node) > 60:
                wrong.append(f"{name}:{node.lineno}: {node.name} has {_length(node)} lines")
    assert wrong == []


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_public_functions_say_what_they_do() -> None:
    silent = []
    for name, _, tree in modules():
        for node in tree.body:
            public = isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_")
            if public and isinstance(node, ast.FunctionDef) and not ast.get_docstring(node):
                silent.append(f"{name}:{node.lineno}: {node.name}")
    assert silent == []


def test_nothing_else_stands_at_the_top() -> None:
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    tops = {path.split("/")[0] for path in listed}
    assert {top for top in tops if not top.startswith(".")} <= TOP_LEVEL
