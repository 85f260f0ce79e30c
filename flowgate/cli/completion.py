"""Shell completion: the scripts for bash, zsh and fish, and the candidates that they ask for.

A script passes the words typed so far to `flowgate --complete`, which prints one candidate a line. So no shell needs to
know the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowgate.cli import console
from flowgate.cli.argv import OPTIONAL_WORDS
from flowgate.cli.help import TaskHelp
from flowgate.errors import UnknownName

SHELLS = ("bash", "zsh", "fish")

BASH = """_flowgate() {
    local IFS=$'\\n'
    COMPREPLY=($(flowgate --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _flowgate flowgate
"""
ZSH = """#compdef flowgate
_flowgate() {
    local -a found
    found=("${(@f)$(flowgate --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -a found
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

# Argument name, or "task:argument" → its possible values.
Values = Mapping[str, Callable[[], Sequence[str]]]


def script(shell: str) -> int:
    """Print the completion script of a shell.

    Raises:
        UnknownName: There is no script for that shell.
    """
    if shell not in SCRIPTS:
        raise UnknownName("shell", shell, known=SHELLS)
    console.data(SCRIPTS[shell].rstrip())
    return 0


def known_values(config: str) -> Values:
    """Return the possible values of arguments: profiles, services, playbooks, shells.

    Args:
        config: Path after `--config`; empty to search for the config.
    """

    def profiles() -> list[str]:
        from flowgate.cli.session import open_session

        return list(open_session(config, quiet=True).config.profiles)

    def playbooks() -> list[str]:
        from flowgate.system import locations

        return sorted(path.stem for path in locations.playbooks().glob("*.yml"))

    services = ("all", "litellm", "cliproxyapi_plus")
    return {
        "profile": profiles,
        "profile.set:name": profiles,
        "profile.show:name": profiles,
        "old": profiles,
        "new": profiles,
        "service": lambda: services,
        "service.logs:name": lambda: (*services[1:], "supervisor"),
        "play:name": playbooks,
        "shell": lambda: SHELLS,
    }


def candidates(words: Sequence[str], tasks: Sequence[TaskHelp], values: Values) -> list[str]:
    """Return what the last word may become.

    Args:
        words: What was typed after `flowgate`; the last word may be incomplete or empty.
        tasks: All tasks.
        values: Possible values of arguments; called only when needed.

    Returns:
        The candidates that begin with the last word, sorted.
    """
    *before, last = list(words) or [""]
    before = _without_config(before)
    if before:
        found = _after(before, last, tasks, values)
    elif last.startswith("-"):
        found = {"--config", "--help", "--version"}
    else:
        found = {task.name.partition(".")[0] for task in tasks}
    return sorted(one for one in found if one.startswith(last))


def _without_config(words: list[str]) -> list[str]:
    if words and words[0] == "--config":
        return words[2:]
    return words[1:] if words and words[0].startswith("--config=") else words


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
    if last.startswith("-"):
        return {f"--{one.name}" for one in task.arguments if not one.positional} | {"--help"}
    if typed and typed[-1].startswith("--"):
        return _values(typed[-1].lstrip("-"), task.name, values)
    plain = [word for word in typed if not word.startswith("-")]
    wanted = [one.name for one in task.arguments if one.positional]
    if not wanted and task.name in OPTIONAL_WORDS:
        wanted = [OPTIONAL_WORDS[task.name]]
    return _values(wanted[len(plain)], task.name, values) if len(plain) < len(wanted) else set()


def _values(argument: str, task: str, values: Values) -> set[str]:
    for key in (f"{task}:{argument}", argument):
        if key in values:
            return set(values[key]())
    return set()
