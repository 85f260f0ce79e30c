"""`inv`: stock invoke loads `tasks.py`; FlowGate's own parser then takes the words.

So both programs have one grammar, the same messages and the same exit codes. invoke keeps its own options before the
first task: `--list`, `--help`, `--version`, `--complete`, `--search-root`, `--collection`, `--debug`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from flowgate.errors import UnknownName, UsageError

if TYPE_CHECKING:
    from invoke.program import Program

LIST_FORMATS = ("flat", "nested", "json")


def take_over(program: Program) -> None:
    """Let FlowGate parse and run the words that invoke's program gets.

    Args:
        program: The program that loads `tasks.py`.
    """
    stock: Callable[[], None] = program.parse_tasks

    def parse_tasks() -> None:
        """Run the tasks in place of invoke, unless invoke is asked for a list or for completions."""
        from invoke.exceptions import Exit

        from flowgate.cli.entrypoint import complete, guarded
        from flowgate.system import streams

        streams.protect()
        if program.args.complete.value:
            raise Exit(code=guarded(lambda: _complete(program)))
        code = guarded(lambda: _check_list(program))
        if not code and program.args.list.value:
            stock()
            return
        raise Exit(code=code or complete(guarded(lambda: _run(program))))

    vars(program)["parse_tasks"] = parse_tasks


def _check_list(program: Program) -> int:
    named = program.args.list.value
    if isinstance(named, str) and named not in program.collection.collections:
        raise UnknownName("group of tasks", named, known=sorted(program.collection.collections))
    form = program.args["list-format"].value
    if program.args.list.value and form not in LIST_FORMATS:
        raise UnknownName("list format", form, known=LIST_FORMATS)
    return 0


def _complete(program: Program) -> int:
    """Print what the last word may be, and what may follow it.

    The scripts of `inv --print-completion-script` do not tell whether a blank follows the last word, and leave out
    what does not begin with it.
    """
    from flowgate.cli import completion, console
    from flowgate.cli import help as task_help
    from flowgate.cli.completion_values import known_values

    words = program.core.remainder.split()[1:]
    tasks, values = task_help.describe(program.collection), known_values("")
    found = {*completion.candidates([*words, ""], tasks, values), *(completion.candidates(words, tasks, values))}
    if len(words) < 2:
        found |= {task.name for task in tasks} if not words or words[0] not in {one.name for one in tasks} else set()
    for one in sorted(found):
        console.data(one)
    return 0


def _run(program: Program) -> int:
    """Run the tasks; return the exit code."""
    from flowgate.cli import foreign_options
    from flowgate.cli.argv_words import check_word
    from flowgate.cli.main import run_words

    arguments = program.args
    for name in foreign_options.WITHOUT_EFFECT:
        refused = foreign_options.refusal(f"--{name}")
        if arguments[name].got_value and refused:
            raise refused
    config = arguments.config.value
    if config is not None:
        check_word("--config", config)
        if not config.strip():
            raise UsageError("--config needs the path of a config file", fix="give it as --config PATH")
    words = list(program.core.unparsed)
    wanted = arguments.help.value
    if isinstance(wanted, str):
        words = [*wanted.split("."), "--help"]
    remainder = program.argv[program.argv.index("--") :] if "--" in program.argv else []
    settings = {
        "flowgate_config": config or "",
        "flowgate_dry": bool(arguments.dry.value),
        "tasks": {"dedupe": not arguments["no-dedupe"].value},
    }
    return run_words([*words, *remainder], program.collection, settings)
