"""What may come next on a `flowgate` command line, and the scripts by which shells ask.

A script hands the words typed so far to `flowgate --complete`, which prints one candidate a line; so a shell never has
to know the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flowgate.cli import console
from flowgate.cli.help import Page
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


def script(shell: str) -> int:
    """Print the completion script of a shell."""
    if shell not in SCRIPTS:
        raise UnknownName("shell", shell, known=SHELLS)
    console.data(SCRIPTS[shell].rstrip())
    return 0


def known_values(config: str) -> dict[str, Callable[[], Sequence[str]]]:
    """Say what arguments may be: profiles, services, playbooks, shells."""

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


def candidates(
    words: Sequence[str], pages: Sequence[Page], values: Mapping[str, Callable[[], Sequence[str]]]
) -> list[str]:
    """Give what may stand in the place of the last word.

    Args:
        words: What was typed after `flowgate`, the last one possibly half a word or empty.
        values: What an argument of that name may be ("profile" → the config's profiles); asked only when needed.

    Returns:
        The candidates that begin like the last word, sorted.
    """
    *before, last = list(words) or [""]
    before = _without_config(before)
    found = _after(before, last, pages, values) if before else {page.name.partition(".")[0] for page in pages}
    if not before and last.startswith("-"):
        found = {"--config", "--help", "--version"}
    return sorted(one for one in found if one.startswith(last))


def _without_config(words: list[str]) -> list[str]:
    if words and words[0] == "--config":
        return words[2:]
    return words[1:] if words and words[0].startswith("--config=") else words


def _after(
    before: list[str], last: str, pages: Sequence[Page], values: Mapping[str, Callable[[], Sequence[str]]]
) -> set[str]:
    names = {page.name: page for page in pages}
    first = before[0]
    dotted = f"{first}.{before[1]}" if len(before) > 1 else ""
    if dotted not in names and first not in names:
        return {name.partition(".")[2] for name in names if name.startswith(f"{first}.")} if len(before) == 1 else set()
    page, given = (names[dotted], before[2:]) if dotted in names else (names[first], before[1:])
    if last.startswith("-"):
        return {f"--{word.name}" for word in page.words if not word.positional} | {"--help"}
    if given and given[-1].startswith("--"):
        return set(_values(given[-1].lstrip("-"), page.name, values))
    plain = [word for word in given if not word.startswith("-")]
    wanted = [word.name for word in page.words if word.positional] or _optional(page.name)
    return set(_values(wanted[len(plain)], page.name, values)) if len(plain) < len(wanted) else set()


def _optional(name: str) -> list[str]:
    from flowgate.cli.argv import OPTIONAL_WORDS

    return [OPTIONAL_WORDS[name]] if name in OPTIONAL_WORDS else []


def _values(word: str, task: str, values: Mapping[str, Callable[[], Sequence[str]]]) -> Sequence[str]:
    for key in (f"{task}:{word}", word):
        if key in values:
            return values[key]()
    return ()
