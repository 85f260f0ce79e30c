"""The console script `flowgate`: an invoke `Program` over `tasks.py`, with a grammar and exit codes of ours."""

from __future__ import annotations

import gc
import importlib
import sys
import types
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from invoke.collection import Collection


def main() -> None:
    """Run `flowgate` with the words of the command line."""
    gc.set_threshold(50_000)  # what is imported stays: looking for garbage among it costs a tenth of a short command
    code = run(sys.argv[1:])
    gc.freeze()  # Python's own end would look through it all twice more: 10 ms; exit handlers run as ever
    sys.exit(code)


def run(words: list[str]) -> int:
    """Run `flowgate` with these words; give its exit code."""
    from flowgate.cli.entrypoint import guarded

    return guarded(lambda: _run(words))


def _run(words: list[str]) -> int:
    from flowgate import __version__
    from flowgate.cli import argv, console

    if list(words) in (["--version"], ["-V"]):
        console.data(f"flowgate {__version__}")
        return 0
    lighten()
    collection = load_tasks()
    if words[:1] == ["--complete"]:
        return _complete(words[1:], collection)
    names = {name.replace("_", "-") for name in collection.task_names}
    line = argv.parse(words, names)
    if line.help is not None:
        from flowgate.cli import help

        return help.show(line.help, help.pages(collection))
    return _execute(collection, list(line.argv), line.config or "")


def _complete(words: list[str], collection: Collection) -> int:
    """Print what may come next, one candidate a line; a config that cannot be read gives none of its names."""
    from flowgate.cli import completion, console, help
    from flowgate.errors import FlowGateError

    config = words[1] if words[:1] == ["--config"] and len(words) > 2 else ""
    try:
        found = completion.candidates(words, help.pages(collection), completion.known_values(config))
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

    program = Program(version=__version__, namespace=_named_in(collection, argv), name="flowgate", binary="flowgate")
    try:
        program.create_config()
        remembers = sys.dont_write_bytecode
        program.parse_core(["flowgate", *argv])
        sys.dont_write_bytecode = remembers  # invoke forbids it: what a task imports would be compiled in every run
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


def _named_in(collection: Collection, argv: list[str]) -> Collection:
    """Give a collection of those tasks alone that the line may name: invoke works out the flags of each it is given.

    Args:
        argv: As invoke is to parse it; a word that only looks like a task's name brings in one task too many, no
            harm.
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
    """Load the tasks: `tasks.py` of the checkout, else the one that travels in the package."""
    from flowgate.system import locations

    root = locations.checkout()
    path = (root or Path(__file__).parent) / "tasks.py"
    loader = SourceFileLoader("flowgate_tasks", str(path))  # `importlib.util` would cost 2 ms more
    module = types.ModuleType(loader.name)
    module.__file__ = str(path)
    loader.exec_module(module)
    collection: Collection = module.ns
    return collection


def lighten() -> None:
    """Keep invoke from importing what none of our tasks uses: more than half of its start.

    It takes `Mock` for a class of its tests' users, `metadata` for its own version number, a vendored YAML for config
    files we do not have, and `logging` for notes that nobody has asked for. Each stand-in hands over to the real thing
    when it is used after all.
    Source: invoke 3.0.3, `context.py`, `__init__.py`, `util.py`; measured by `inv bench --only commands`
    """
    if "invoke" in sys.modules:
        return
    _stand_in("unittest.mock", Mock=lambda *args, **kwargs: _real("unittest.mock").Mock(*args, **kwargs))
    _stand_in("importlib.metadata", version=_version)
    _stand_in("invoke.vendor.yaml", safe_load=lambda stream: _real("yaml").safe_load(stream))
    _stand_in(
        "logging",
        DEBUG=10,
        basicConfig=lambda **settings: _real("logging").basicConfig(**settings),
        getLogger=lambda name: types.SimpleNamespace(debug=_debug),
    )
    try:
        importlib.import_module("invoke")
    finally:
        for name in tuple(_standing_in):
            _step_down(name)


_standing_in: dict[str, types.ModuleType] = {}


def _version(name: str) -> str:
    return "3" if name == "invoke" else str(_real("importlib.metadata").version(name))


def _debug(message: str, *args: object) -> None:
    if "logging" in sys.modules and "logging" not in _standing_in:  # else nobody can have asked to see it
        sys.modules["logging"].getLogger("invoke").debug(message, *args, stacklevel=2)


def _stand_in(name: str, **members: Any) -> None:
    if name not in sys.modules:
        module = sys.modules[name] = _standing_in[name] = types.ModuleType(name)
        module.__dict__.update(members)


def _step_down(name: str) -> None:
    if name in _standing_in:
        del sys.modules[name], _standing_in[name]


def _real(name: str) -> Any:
    _step_down(name)
    return importlib.import_module(name)
