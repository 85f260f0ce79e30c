"""The command `init`: write the user's config files from the examples, with new random keys."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from flowgate.cli import console
from flowgate.cli.checks import example_keys
from flowgate.cli.config_place import USUAL, locate_config
from flowgate.cli.example_texts import ROUTER, below_config, with_new_keys, with_router, with_source
from flowgate.errors import UnknownName, UsageError
from flowgate.gateway import download_source
from flowgate.gateway.upstream_sources import SOURCES
from flowgate.system import files, locations

START = (
    ("inv doctor", "check that everything is ready"),
    ("inv up", "start everything; clients use the key $(cat $(inv key.path))"),
)
COMMAND_WIDTH = 27  # characters of a command and the blanks after it
LATER = "later"
NONE, EMBEDDED, PLUS = "none", "embedded", "cliproxyapi-plus"


class Southbound(NamedTuple):
    """What answers LiteLLM's requests.

    Attributes:
        meaning: What it is for, in words.
        files: Each file to write, and the example that it is made from.
        first: The commands that come before a start, each with its meaning.
    """

    meaning: str
    files: dict[str, str]
    first: tuple[tuple[str, str], ...] = ()


CHOICES = {
    NONE: Southbound(
        "API keys and local models only (OpenAI, Anthropic, Gemini, OpenRouter, Ollama, vLLM)",
        {"flowgate.yaml": "api-keys.yaml"},
        (("(an editor)", "write your key to .router/secrets/openai-api-key (see docs/how-to/providers.md)"),),
    ),
    PLUS: Southbound(
        "accounts that log in by OAuth, held by CLIProxyAPIPlus, which must be installed",
        {"flowgate.yaml": "flowgate.yaml", "cliproxyapi.yaml": "cliproxyapi.yaml"},
        (
            ("inv bootstrap.sources", "choose where CLIProxyAPIPlus comes from; nobody vouches for any of them"),
            ("inv bootstrap.download --source NAME", "download it"),
            ("inv auth.login codex", "log an account in (inv auth.list lists the other providers)"),
        ),
    ),
    EMBEDDED: Southbound(
        "canned answers of FlowGate's own upstream, to try it without an account or a key",
        {"flowgate.yaml": "embedded.yaml"},
    ),
}


def init(southbound: str = "", source: str = "", here: bool = False) -> int:
    """Write the config files, and print their paths.

    In a checkout they are written into its `config/`, elsewhere into the platform's config folder.

    Args:
        southbound: What answers LiteLLM's requests, one of `CHOICES`; empty: ask on a terminal.
        source: The name of the source that CLIProxyAPIPlus is installed from; empty: ask on a terminal.
        here: Write into `config/` of the current folder, also outside of a checkout.

    Raises:
        UnknownName: There is no such choice.
        UsageError: A file exists, or there is a source and nothing to install; nothing is written.
    """
    if southbound and southbound not in CHOICES:
        raise UnknownName("southbound", southbound, known=CHOICES)
    if source and (southbound or PLUS) != PLUS:
        raise UsageError(f"--southbound {southbound} has no source", fix=f"leave out --source {source}")
    download_source.of_name(source, version="", repo="", file="")
    platform = None if here else locations.config_folder()
    folder = platform or (locations.checkout() or Path.cwd()) / USUAL.parent
    chosen = southbound or (PLUS if source else ask(folder))
    if chosen == PLUS and not source:
        source = ask_source(folder)
    router = locations.below_home(locations.state_folder() / ROUTER) if platform else f"../{ROUTER}"
    for path in write(folder, chosen, source, router):
        console.data(str(path))
    if platform:
        console.note(f"keys, accounts, logs and the ledger will be in {router}")
    _print_preferred(folder / USUAL.name)
    if not southbound and not source and not is_terminal():
        console.note(f"note: this is `init --southbound {PLUS}`; `--southbound {NONE}` needs no CLIProxyAPIPlus")
    secrets_folder = f"{router.removeprefix('../')}/secrets"
    lines = [line.replace(f"{ROUTER}/secrets", secrets_folder) for line in next_lines(chosen, source)]
    _print_running((folder / Path(router).expanduser()).resolve() / "runtime")
    console.note("\n".join(["next:", *lines]))
    return 0


def _print_preferred(written: Path) -> None:
    """Say which other config the next command uses instead, if there is one."""
    try:
        used = locate_config()
    except UsageError as error:
        console.note(f"warning: {error}")
        return
    if used.value != written:
        by = used.place or "it is in the current folder"
        console.note(f"warning: commands use {used.value} here ({by}), not the written file")
        console.note(f"  fix: flowgate --config {quote(str(written))} …")


def _print_running(runtime: Path) -> None:
    """Say that a gateway runs already in the runtime folder of the new config: its programs follow another one."""
    from flowgate.supervisor import daemon_process

    if daemon_process.find(runtime) is not None:
        console.note("warning: a gateway runs already, with the config that was in use before")
        console.note("  fix: inv down")


def next_lines(southbound: str, source: str = "") -> list[str]:
    """Return what to do after the files are written, one line each; the meanings stand in one column.

    Args:
        southbound: One of `CHOICES`.
        source: The name of the source that CLIProxyAPIPlus is installed from; empty if none is chosen yet.
    """
    first = CHOICES[southbound].first
    if source:
        first = (("inv bootstrap.download", "download CLIProxyAPIPlus"), *first[2:])
    rows = [(console.spell_commands(command), meaning) for command, meaning in (*first, *START)]
    width = max(COMMAND_WIDTH, 2 + max(len(command) for command, _ in rows))
    return [f"  {command:<{width}}{meaning}" for command, meaning in rows]


def is_terminal() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def ask(folder: Path) -> str:
    """Ask the person at the terminal what shall answer LiteLLM's requests; without one, return the usual choice.

    Args:
        folder: The folder in which nothing may exist yet.

    Raises:
        UsageError: `flowgate.yaml` exists, or the answer is none of the choices.
    """
    if not is_terminal():
        return PLUS
    _require_absent([folder / USUAL.name])
    meanings = {name: one.meaning for name, one in CHOICES.items()}
    return _choose("what shall answer LiteLLM's requests?", "southbound", meanings)


def ask_source(folder: Path) -> str:
    """Ask the person at the terminal for the source of CLIProxyAPIPlus; without one, return none.

    Args:
        folder: The folder in which nothing may exist yet.

    Returns:
        The name of the source; empty for none.

    Raises:
        UsageError: A config exists, or the answer is none of the choices.
    """
    if not is_terminal():
        return ""
    _require_absent([folder / name for name in CHOICES[PLUS].files])
    known = {one.name: f"{one.repo} {one.version}: {one.about}" for one in SOURCES if not one.until}
    meanings = {LATER: "no source: a file of your own, or decide later", **known}
    question = "where shall CLIProxyAPIPlus come from? (nobody vouches for these; inv bootstrap.sources says more)"
    chosen = _choose(question, "source", meanings)
    return "" if chosen == LATER else chosen


def _choose(question: str, kind: str, meanings: Mapping[str, str]) -> str:
    names = list(meanings)
    console.note(question)
    for number, name in enumerate(names, 1):
        console.note(f"  {number}  {name:<17} {meanings[name]}")
    answer = (console.prompt("number or name: ") or "").strip()
    chosen = names[int(answer) - 1] if answer in [str(number) for number in range(1, len(names) + 1)] else answer
    if chosen not in meanings:
        raise UnknownName(kind, chosen, known=meanings)
    return chosen


def write(folder: Path, southbound: str = PLUS, source: str = "", router: str = f"../{ROUTER}") -> list[Path]:
    """Write the config files into a folder, with mode 0600.

    Args:
        folder: The folder.
        southbound: One of `CHOICES`.
        source: The name of the source that CLIProxyAPIPlus is installed from; empty for none.
        router: The folder of keys, accounts and runtime files, as the config names it.

    Returns:
        Their paths.

    Raises:
        UsageError: One of them exists; nothing is written.
        DiskError: The folder cannot be written.
    """
    examples = {folder / name: example for name, example in CHOICES[southbound].files.items()}
    _require_absent(list(examples))
    known = example_keys.own_keys()
    for path, example in examples.items():
        text = files.read_text(locations.examples() / example)
        text = below_config(text) if southbound == EMBEDDED else text
        if source and example == "flowgate.yaml":
            text = with_source(text, source)
        files.write_atomic(path, with_new_keys(with_router(text, router), known))
    return list(examples)


def _require_absent(paths: list[Path]) -> None:
    existing = [str(path) for path in paths if path.exists() or path.is_symlink()]
    if existing:
        verb = "exists" if len(existing) == 1 else "exist"
        raise UsageError(f"{' and '.join(existing)} already {verb}", fix="edit it, or move it away first")
