"""The console script `flowgate`: an invoke `Program` over `tasks.py`, with its own grammar and exit codes."""

from __future__ import annotations

import gc
import importlib
import sys
import types
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invoke.collection import Collection

    from flowgate.cli.argv import Call


def main() -> None:
    """Run `flowgate` with the words of the command line."""
    from flowgate.cli.entrypoint import complete
    from flowgate.system import streams

    gc.set_threshold(50_000)  # imports create few garbage cycles; collecting takes a tenth of a short command's time
    streams.protect()
    code = complete(run(sys.argv[1:]))
    gc.freeze()  # Python collects twice when it exits, which takes 10 ms; exit handlers still run
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run `flowgate` with these words and return its exit code."""
    from flowgate.cli.entrypoint import guarded

    return guarded(lambda: _run(words))


def _run(words: list[str]) -> int:
    collection = load_tasks()
    if words[:1] == ["--complete"]:
        return _complete(words[1:], collection)
    return run_words(words, collection, {})


def run_words(words: list[str], collection: Collection, settings: dict[str, Any]) -> int:
    """Run the tasks that the words of a command line name.

    Args:
        words: The words after the program's name.
        collection: All tasks.
        settings: Values of invoke's configuration: what invoke has parsed already.

    Returns:
        The exit code.

    Raises:
        UsageError: A word is wrong; no task has run.
    """
    from flowgate import __version__
    from flowgate.cli import argv, console, dry_run
    from flowgate.cli import help as task_help

    names = {name.replace("_", "-") for name in collection.task_names}
    line = argv.parse(words, names, lambda name: task_help.describe_task(collection, name).arguments)
    if line.version:
        console.data(f"flowgate {__version__}")
        return 0
    if line.help is not None:
        return task_help.show(line.help, task_help.describe(collection))
    dry = line.dry or settings.get("flowgate_dry", False)
    settings = {**settings, "flowgate_dry": dry, **({"flowgate_config": line.config} if line.config else {})}
    if dry:
        dry_run.refuse_changes(line.calls)
    return _execute(collection, line.calls, settings)


def _complete(words: list[str], collection: Collection) -> int:
    """Print completion candidates, one a line; an invalid config contributes none."""
    from flowgate.cli import completion, console
    from flowgate.cli import help as task_help
    from flowgate.cli.completion_values import known_values

    config = words[1] if words[:1] == ["--config"] and len(words) > 2 else ""
    for one in completion.candidates(words, task_help.describe(collection), known_values(config)):
        console.data(one)
    return 0


def _execute(collection: Collection, calls: Sequence[Call], settings: dict[str, Any]) -> int:
    """Let invoke run the tasks; its own config files and variables have no say."""
    from invoke.config import Config
    from invoke.exceptions import Exit
    from invoke.executor import Executor

    try:
        Executor(collection, Config(lazy=True, overrides=settings)).execute(*calls)
    except Exit as ended:
        return int(ended.code or 0)
    return 0


def load_tasks() -> Collection:
    """Load `tasks.py` of the checkout, else the copy in the installed package."""
    from flowgate.system import locations

    with _light_invoke():
        importlib.import_module("invoke")
    root = locations.checkout()
    path = (root or Path(__file__).parent.parent) / "tasks.py"
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
