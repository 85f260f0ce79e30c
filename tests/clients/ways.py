"""How one question is asked through a real client: by its record, or by a program of ours that uses an SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowgate.clients import owned_values
from flowgate.clients.program import Endpoint, Launch, Machine
from flowgate.clients.registry import find
from tests.clients.installs import Install

DRIVERS = Path(__file__).parent / "drivers"
MADE = "made-by-a-tool"  # the file that a tool of an agent makes
SHELL = f"touch {MADE}"
LIBRARY_TOOL: Mapping[str, object] = {"city": "Rome"}
PATHS = {
    "chat": "/chat/completions",
    "responses": "/responses",
    "messages": "/messages",
    "google": "/v1beta/models/",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one run happens, and what it talks to.

    Attributes:
        home: An empty home folder.
        root: Address of the gateway without `/v1`.
        key: The key.
        model: The model.
        small: The model for background work.
        by_files: Whether a program gets its files, as `client.add` writes them, or what `client.run` sets.
    """

    home: Path
    root: str
    key: str
    model: str = "router-default"
    small: str = "router-cheap"
    by_files: bool = True


@dataclass(frozen=True, slots=True)
class Command:
    """A command line with its variables."""

    argv: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Client:
    """One real client.

    Attributes:
        name: Its name in the test's id.
        title: Its name for people.
        install: Its packages.
        protocol: The API that it speaks.
        ask: Makes the command that asks one question. A program of ours (`drivers`) gets the mode as its last argument.
        calls: Words that make the embedded upstream call one of the client's tools; empty if it has none.
    """

    name: str
    title: str
    install: Install
    protocol: str
    ask: Callable[[Client, Place, str], Command]
    calls: str = ""

    @property
    def is_library(self) -> bool:
        """Whether a driver of ours asks, instead of a program."""
        return self.ask is driver


def driver(client: Client, place: Place, question: str) -> Command:
    """Ask through one of our own programs that use an SDK."""
    is_node = client.install.registry == "npm"
    file = DRIVERS / f"{client.name.partition('.')[0]}{'.mjs' if is_node else '.py'}"
    env = {"QUESTION": question, "ROOT": place.root, "KEY": place.key, "MODEL": place.model}
    env |= {"MODULES": str(client.install.folder / "node_modules"), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    return Command(("node" if is_node else str(client.install.program("python")), str(file)), env)


def recorded(
    extra: tuple[str, ...] = (), *, only_files: bool = False, **env: str
) -> Callable[[Client, Place, str], Command]:
    """Ask a program in the way that its record says.

    Args:
        only_files: Whether it is never asked as `client.run` does, because it cannot name its model there.
        extra: Further arguments: those that let it use its tools without a question.
        env: Further variables.
    """

    def ask(client: Client, place: Place, question: str) -> Command:
        record = find(client.name)
        assert record.headless is not None
        machine = Machine(place.home, "linux", {}, place.home / "secrets")
        endpoint = Endpoint(place.root, place.key, place.model, place.small, (place.model, place.small), "real")
        owned = record.files(machine, endpoint)
        with_files = only_files or place.by_files or record.launch is None
        launch = Launch({}) if with_files or record.launch is None else record.launch(endpoint)
        for one in owned if with_files else record.launch_requires(machine):
            one.path.parent.mkdir(parents=True, exist_ok=True)
            one.path.write_text(owned_values.write("", one.format, {**one.if_missing, **one.values}).text)
        argv = (str(client.install.program(record.command)), *launch.arguments, *record.headless(question), *extra)
        return Command(argv, {**env, **launch.env})

    return ask


def cline(client: Client, place: Place, question: str) -> Command:
    """Cline after `cline auth`, which writes its files."""
    program = str(client.install.program("cline"))
    script = (
        '"$1" auth -p openai -k "$CLIENT_KEY" -m "$MODEL" -b "$ROOT/v1" >/dev/null && exec "$1" --json "$2" 2>/dev/null'
    )
    env = {"CLIENT_KEY": place.key, "MODEL": place.model, "ROOT": place.root}
    return Command(("sh", "-c", script, "sh", program, question), env)
