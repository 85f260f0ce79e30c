"""The console script `flowgate`: an invoke `Program` over `tasks.py`, with its own grammar and exit codes."""

from __future__ import annotations

import gc
import importlib
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invoke.collection import Collection


def main() -> None:
    """Run `flowgate` with the words of the command line."""
    gc.set_threshold(50_000)  # imports create few garbage cycles; collecting takes a tenth of a short command's time
    code = run(sys.argv[1:])
    gc.freeze()  # Python collects twice when it exits, which takes 10 ms; exit handlers still run
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run `flowgate` with these words and return its exit code."""
    from flowgate.cli.entrypoint import guarded

    return guarded(lambda: _run(words))


def _run(words: list[str]) -> int:
    from flowgate import __version__
    from flowgate.cli import argv, console

    if list(words) in (["--version"], ["-V"]):
        console.data(f"flowgate {__version__}")
        return 0
    collection = load_tasks()
    if words[:1] == ["--complete"]:
        return _complete(words[1:], collection)
    names = {name.replace("_", "-") for name in collection.task_names}
    line = argv.parse(words, names)
    if line.help is not None:
        from flowgate.cli import help as task_help

        return task_help.show(line.help, task_help.describe(collection))
    return _execute(collection, list(line.argv), line.config or "")


def _complete(words: list[str], collection: Collection) -> int:
    """Print completion candidates, one a line; an invalid config contributes none."""
    from flowgate.cli import completion, console
    from flowgate.cli import help as task_help
    from flowgate.errors import FlowGateError

    config = words[1] if words[:1] == ["--config"] and len(words) > 2 else ""
    try:
        found = completion.candidates(words, task_help.describe(collection), completion.known_values(config))
    except FlowGateError:
        return 0
    for one in found:
        console.data(one)
    return 0


def _execute(collection: Collection, argv: list[str], config: str) -> int:
    from invoke.exceptions import Exit, ParseError
    from invoke.program import Program

    from flowgate import __version__
    from flowgate.errors import UsageError

    program = Program(version=__version__, namespace=_typed_tasks(collection, argv), name="flowgate", binary="flowgate")
    try:
        program.create_config()
        writes_no_bytecode = sys.dont_write_bytecode
        program.parse_core(["flowgate", *argv])
        sys.dont_write_bytecode = writes_no_bytecode  # invoke sets it; tasks' imports would be compiled in every run
        program.parse_collection()
        program.parse_tasks()
        program.update_config()
        program.config.load_overrides({"flowgate_config": config})
        program.execute()
    except ParseError as fault:
        raise UsageError(str(fault), fix=f"flowgate {argv[0].replace('.', ' ')} --help") from None
    except Exit as ended:
        return int(ended.code or 0)
    return 0


def _typed_tasks(collection: Collection, argv: list[str]) -> Collection:
    """Return a collection of the tasks that the command line may name: invoke builds a parser for each task it gets.

    Args:
        collection: All tasks.
        argv: The words for invoke. A value that equals a task's name adds that task, which is harmless.
    """
    chosen = type(collection)()
    words = {word.replace("_", "-") for word in argv}
    for name in collection.task_names:
        if name.replace("_", "-") not in words:
            continue
        group, _, own = name.rpartition(".")
        if group and group not in chosen.collections:
            chosen.add_collection(type(collection)(group))
        (chosen.collections[group] if group else chosen).add_task(collection[name], name=own)
    return chosen


def load_tasks() -> Collection:
    """Load `tasks.py` of the checkout, else the copy in the installed package."""
    from flowgate.system import locations

    with _light_invoke():
        importlib.import_module("invoke")
    root = locations.checkout()
    path = (root or Path(__file__).parent) / "tasks.py"
    loader = SourceFileLoader("flowgate_tasks", str(path))  # `importlib.util` would take 2 ms more
    module = types.ModuleType(loader.name)
    module.__file__ = str(path)
    loader.exec_module(module)
    collection: Collection = module.ns
    return collection


@contextmanager
def _light_invoke() -> Iterator[None]:
    """Replace three modules that invoke imports and FlowGate's tasks do not use; they take half of its import time.

    invoke needs `unittest.mock` for its `MockContext`, `importlib.metadata` for its own version, and a copy of PyYAML
    for config files of its own, which are read with the PyYAML that FlowGate uses.
    Source: invoke 3.0.3, `context.py`, `__init__.py`, `util.py`.
    """
    stubs = {
        "unittest.mock": _stub(Mock=type("Mock", (), {})),
        "importlib.metadata": _stub(version=lambda name: "3"),
        "invoke.vendor.yaml": _stub(safe_load=_load_yaml),
    }
    added = {name: stub for name, stub in stubs.items() if name not in sys.modules and "invoke" not in sys.modules}
    sys.modules.update(added)
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


def _load_yaml(stream: object) -> Any:
    return importlib.import_module("yaml").safe_load(stream)


def _stub(**members: Any) -> types.ModuleType:
    module = types.ModuleType("stub")
    module.__dict__.update(members)
    return module
