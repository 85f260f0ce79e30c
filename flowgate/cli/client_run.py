"""The command `client.run`: start a client program against the gateway, with a key of its own, and touch no file."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from flowgate.cli import console
from flowgate.cli.ask import requested_model
from flowgate.cli.served_requests import SERVICE, litellm_address
from flowgate.cli.session import Session, open_session
from flowgate.clients import keys, registry
from flowgate.clients.endpoint import root
from flowgate.clients.program import Endpoint, Machine
from flowgate.domain import Secret
from flowgate.errors import ProgramMissing, UsageError
from flowgate.gateway import client_models
from flowgate.gateway.proxy_exceptions import plain_without_proxy
from flowgate.system import exec_program, files

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowgate.clients.program import ClientProgram, Launch


NO_CLIENT_KEYS = "LiteLLM is a program of your own (services.litellm.command), which knows no keys of clients"


class Gateway(NamedTuple):
    """The running gateway, as a client will ask it.

    Attributes:
        address: Its address without `/v1`.
        model: The model for the main work.
        small_model: The model for background work.
        models: All names that a client may ask for.
        own_key: The key of a gateway that knows none of clients, because LiteLLM is a program of the user's own; None
            if it knows them.
    """

    address: str
    model: str
    small_model: str
    models: tuple[str, ...]
    own_key: Secret | None = None

    def endpoint(self, client: str, key: Secret) -> Endpoint:
        """Return the gateway as one client sees it."""
        models = tuple(dict.fromkeys([self.model, self.small_model, *self.models]))
        return Endpoint(self.address, key.reveal(), self.model, self.small_model, models, client)


def run(config: str, name: str, words: Sequence[str], model: str, small_model: str) -> int:
    """Become a client program whose variables and arguments lead to the gateway.

    Its key is void when the process ends, however it ends.

    Args:
        config: Path after `--config`; empty to search for the config.
        name: The client program's name.
        words: Its own words; the first one is the program where the name stands for variables alone.
        model: The model for the main work; empty for the profile's first.
        small_model: The model for background work; empty to choose.

    Raises:
        UnknownName: There is no such client program, or no such model.
        UsageError: The program cannot be started this way, or no program is named.
        ProgramMissing: The program is not installed.
        NotReady: The gateway is not running.
    """
    program = registry.find(name)
    launch = startable(program)
    session = open_session(config, quiet=True)
    gateway = find_gateway(session, model, small_model, lambda: _check_typed(program, words, session))
    path, own = find_command(program, words, session)
    client, key = _make_key(program, session, gateway)
    start = launch(gateway.endpoint(client, key))
    _tell_changes(start, session)
    return exec_program.execute([path, *start.arguments, *own], environment(start, session))


def _make_key(program: ClientProgram, session: Session, gateway: Gateway) -> tuple[str, Secret]:
    if gateway.own_key is None:
        return keys.keys_of(session.config).add_temporary(program.name, program=program.name)
    console.note(f"note: {NO_CLIENT_KEYS}; {program.title} gets the gateway's key")
    return program.name, gateway.own_key


def startable(program: ClientProgram) -> Callable[[Endpoint], Launch]:
    """Return what computes a program's variables and arguments.

    Args:
        program: The client program.

    Raises:
        UsageError: It cannot use this gateway, or only files tell it where the gateway is.
    """
    if program.impossible:
        raise UsageError(f"{program.title} cannot use this gateway: {program.impossible}")
    if program.launch is None:
        what = f"{program.title} takes the gateway from its own configuration alone, not from variables or arguments"
        raise UsageError(what, fix=f"inv client.add NAME --program {program.name}")
    return program.launch


def find_gateway(session: Session, model: str, small_model: str, check: Callable[[], None] = lambda: None) -> Gateway:
    """Find the running gateway, and check the names of models.

    Args:
        session: Config and supervisor.
        model: The model for the main work; empty for the profile's first.
        small_model: The model for background work; empty to choose.
        check: Called between the checks of what was typed and those of what runs.

    Raises:
        UnknownName: The gateway answers no such model.
        NotReady: The gateway is not running.
    """
    from flowgate.cli.checks.runtime import read_only_context

    context = read_only_context(session, [])
    chosen = client_models.of_stack(context.stack())
    main = requested_model(context, model or chosen.model)
    small = requested_model(context, small_model) if small_model else (main if model else chosen.small_model)
    check()
    host, _, port = litellm_address(session).rpartition(":")
    serves_keys = context.stack().services[SERVICE].program.app is not None
    own_key = None if serves_keys else context.master_key() or Secret("none")
    return Gateway(root(host, int(port)), main, small or main, chosen.models, own_key)


def _check_typed(program: ClientProgram, words: Sequence[str], session: Session) -> None:
    """Check the words after `--`, that the program is there, and that the user's own files let it be led."""
    if not program.command:
        _check_words(program, words)
    find_command(program, words, session)
    _check_files(program, session)


def _check_words(program: ClientProgram, words: Sequence[str]) -> None:
    if not words:
        what = f"'{program.name}' stands for variables alone, and no program is named"
        raise UsageError(what, fix=f"inv client.run {program.name} -- python script.py")
    if not words[0]:
        raise UsageError("the program's name after -- is empty", fix="name the program to start after --")


def _check_files(program: ClientProgram, session: Session) -> None:
    from flowgate.clients import owned_values
    from flowgate.clients.formats.common import CannotEdit

    for one in program.launch_requires(machine(session)):
        text = files.read_text_or_none(one.path) or ""
        for path, wanted in one.values.items():
            name = ".".join(map(str, path))
            try:
                found = owned_values.value_at(text, one.format, path) if text.strip() else None
            except CannotEdit:
                console.note(f"note: {one.path} cannot be read; {program.title} may not be led to the gateway")
                continue
            if found != wanted:
                need = f"without {name}" if wanted is None else f"with {name}: {wanted}"
                what = f"{program.title} can be led to the gateway only {need} in {one.path}"
                fix = f"change it there, or: inv client.add NAME --program {program.name}"
                raise UsageError(what, fix=fix)


def machine(session: Session, home: Path | None = None) -> Machine:
    """Return the user's machine, or one with another home folder.

    Args:
        session: The config, and the command's environment.
        home: The home folder; None for the user's.
    """
    env = session.environment
    secrets = session.config.paths.runtime_dir.parent / "secrets"
    platform: Literal["linux", "darwin"] = "darwin" if sys.platform == "darwin" else "linux"
    return Machine(home or Path(env.get("HOME") or Path.home()), platform, env, secrets)


def find_command(program: ClientProgram, words: Sequence[str], session: Session) -> tuple[str, list[str]]:
    """Return the path of the program to start, and its own words.

    Args:
        program: The client program.
        words: What follows `--`.
        session: The command's environment.

    Raises:
        ProgramMissing: It is not installed.
    """
    command, own = (program.command, list(words)) if program.command else (words[0], list(words[1:]))
    path = files.find_program(command, session.environment.get("PATH"))
    if path:
        return path, own
    if program.command:
        fix = program.install or f"install {program.title}, and put its folder into PATH"
        raise ProgramMissing(f"{program.title} is not installed: no '{command}' on PATH", fix=fix)
    shown = ascii(command)[1:-1] if any("\ud800" <= one <= "\udfff" for one in command) else command
    raise ProgramMissing(f"there is no program '{shown}' on PATH", fix="name a program that is installed, or its path")


def environment(start: Launch, session: Session) -> dict[str, str]:
    """Return the environment of a client program: the command's own, changed as the program needs it.

    Args:
        start: What the program needs.
        session: The command's environment.
    """
    kept = {name: value for name, value in session.environment.items() if name not in start.unset}
    return plain_without_proxy({**kept, **start.env})


def _tell_changes(start: Launch, session: Session) -> None:
    """Say which of the user's own variables do not reach the program."""
    own = session.environment
    replaced = [name for name, value in start.env.items() if own.get(name, value) != value]
    for verb, names in (("replaced", replaced), ("left out", [name for name in start.unset if name in own])):
        if names:
            console.note(f"note: {verb} for this process: {', '.join(names)}")
