"""Shell completion: the scripts for bash, zsh and fish, and the candidates that they ask for.

A script passes the words typed so far to `flowgate --complete`, which prints one candidate a line. So no shell needs to
know the grammar.
"""

from __future__ import annotations

from collections.abc import Sequence

from flowgate.cli import console, dry_run
from flowgate.cli.argv import OPTIONAL_WORDS
from flowgate.cli.argv_words import PASSED_ON
from flowgate.cli.completion_values import SHELLS, Values
from flowgate.cli.help import TaskHelp
from flowgate.errors import UnknownName

BASH = """_flowgate() {
    local IFS=$'\\n'
    COMPREPLY=($(flowgate --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    if [ "${#COMPREPLY[@]}" -eq 1 ] && [ "${COMPREPLY[0]%/}" != "${COMPREPLY[0]}" ]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o default -F _flowgate flowgate
"""
ZSH = """#compdef flowgate
_flowgate() {
    local -a found
    found=("${(@f)$(flowgate --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -S '' -- ${(M)found:#*/}
    compadd -- ${found:#*/}
}
if [ "$funcstack[1]" = "_flowgate" ]; then _flowgate; else compdef _flowgate flowgate; fi
"""
FISH = """function __flowgate_complete
    set -l words (commandline -opc) (commandline -ct)
    flowgate --complete $words[2..-1] 2>/dev/null
end
complete -c flowgate -f -a '(__flowgate_complete)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def script(shell: str) -> int:
    """Print the completion script of a shell.

    Raises:
        UnknownName: There is no script for that shell.
    """
    if shell not in SCRIPTS:
        raise UnknownName("shell", shell, known=SHELLS)
    console.data(SCRIPTS[shell].rstrip())
    return 0


def candidates(words: Sequence[str], tasks: Sequence[TaskHelp], values: Values) -> list[str]:
    """Return what the last word may become.

    Args:
        words: What was typed after `flowgate`; the last word may be incomplete or empty.
        tasks: All tasks.
        values: Possible values of arguments; called only when needed.

    Returns:
        The candidates that begin with the last word, sorted.
    """
    *before, last = _split_by_bash(list(words)) or [""]
    before, wants_config = _without_global(before)
    if wants_config:
        found = set(values["config"](last)) if "config" in values else set()
    elif before:
        found = _after(before, last, tasks, values)
    elif last.startswith("-"):
        found = {"--config", "--dry", "--help", "--version"}
    elif "." in last:
        found = {task.name for task in tasks}
    else:
        found = {task.name.partition(".")[0] for task in tasks}
    return sorted(one for one in found if one.startswith(last))


def _split_by_bash(words: list[str]) -> list[str]:
    """Leave out the `=` that bash makes a word of its own: `--profile`, `=`, `co`."""
    kept = [word for place, word in enumerate(words) if word != "=" or not words[place - 1].startswith("--")]
    return [*kept, ""] if words[-1:] == ["="] and len(kept) < len(words) else kept


def _without_global(words: list[str]) -> tuple[list[str], bool]:
    """Return the words from the task on, and whether the value of `--config` comes next."""
    while words and words[0].startswith("-"):
        if words[0] == "--config":
            if len(words) == 1:
                return [], True
            words = words[1:]
        words = words[1:]
    return words, False


def _after(before: list[str], last: str, tasks: Sequence[TaskHelp], values: Values) -> set[str]:
    """Return the candidates after at least one word."""
    named = {task.name: task for task in tasks}
    first, dotted = before[0], ".".join(before[:2])
    if dotted in named:
        return _argument(named[dotted], before[2:], last, values)
    if first in named:
        return _argument(named[first], before[1:], last, values)
    if len(before) > 1:
        return set()
    return {name.partition(".")[2] for name in named if name.startswith(f"{first}.")}


def _argument(task: TaskHelp, typed: list[str], last: str, values: Values) -> set[str]:
    """Return the flags of a task, or the values of the argument that comes next."""
    passed_on = PASSED_ON.get(task.name, "")
    if passed_on and "--" in typed:
        return set()
    flags = {flag: one for one in task.arguments for flag in one.flags if not one.positional and one.kind != "bool"}
    flag, equals, value = last.partition("=")
    if equals and flag in flags:
        return {f"{flag}={one}" for one in _values(flags[flag].name, task.name, value, values)}
    if last.startswith("-"):
        own = {f"--{one.name}" for one in task.arguments if not one.positional and one.name != passed_on}
        return own | {"--help"} | ({"--dry"} if dry_run.is_accepted(task.name) else set())
    if typed and typed[-1] in flags:
        return _values(flags[typed[-1]].name, task.name, last, values)
    after = ["", *typed]
    plain = [word for place, word in enumerate(typed) if not word.startswith("-") and after[place] not in flags]
    wanted = [one.name for one in task.arguments if one.positional]
    if not wanted and task.name in OPTIONAL_WORDS:
        wanted = [OPTIONAL_WORDS[task.name]]
    return _values(wanted[len(plain)], task.name, last, values) if len(plain) < len(wanted) else set()


def _values(argument: str, task: str, typed: str, values: Values) -> set[str]:
    for key in (f"{task}:{argument}", argument):
        if key in values:
            return set(values[key](typed))
    return set()
