"""The tasks of clients: keys of their own, and the programs that use the gateway."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import CHECK, JSON, command, config, dry


@task(name="list", help={"json": JSON})
@command
def client_list(c: Context, json: bool = False) -> int:
    """List the clients that have a key of their own, and what each may do."""
    from flowgate.cli import clients

    return clients.list_clients(config(c), json)


EXPIRES = "when the key expires: a duration (12h, 30d) or a time; default: never"


@task(
    name="add",
    positional=["name"],
    help={
        "name": "a name for the client: letters, digits, '.', '_', '@', '-'",
        "program": "write the configuration of this program: codex, claude-code, opencode, …",
        "model": "a model of the profile for the program's main work; default: the one that model_names gives",
        "small-model": "a model for its background work; default: the one that model_names gives",
        "print": "print the program's configuration, with a new key, instead of writing it",
        "check": CHECK,
        "diff": "show the lines that change in files",
        "models": "names or patterns of the models that it may ask, separated by commas; default: all",
        "requests-per-minute": "requests that it may send in a minute; default: any number",
        "max-parallel": "requests that it may have in progress at once; default: any number",
        "expires": EXPIRES,
    },
)
@command
def client_add(
    c: Context,
    name: str,
    program: str = "",
    model: str = "",
    small_model: str = "",
    print: bool = False,  # noqa: A002 - the flag is --print
    check: bool = False,
    diff: bool = False,
    models: str = "",
    requests_per_minute: str = "",
    max_parallel: str = "",
    expires: str = "",
) -> int:
    """Make a key for one client: print it once, or write it into the configuration of its program."""
    from flowgate.cli import client_commands, client_plan

    limits = {"models": models, "requests_per_minute": requests_per_minute, "max_parallel": max_parallel}
    how = client_plan.How(model, small_model, check or dry(c), diff, print)
    return client_commands.add(config(c), name, {**limits, "expires": expires}, program, how)


@task(
    name="remove",
    positional=["name"],
    help={"name": "the client's name", "check": CHECK, "diff": "show the lines that change in files"},
)
@command
def client_remove(c: Context, name: str, check: bool = False, diff: bool = False) -> int:
    """Remove a client: its key is void at once, and what was written for its program is taken back."""
    from flowgate.cli import client_commands

    return client_commands.remove(config(c), name, check=check or dry(c), diff=diff)


@task(name="rotate", positional=["name"], help={"name": "the client's name", "expires": EXPIRES})
@command
def client_rotate(c: Context, name: str, expires: str = "") -> int:
    """Replace the key of a client, and print the new one once."""
    from flowgate.cli import client_commands

    return client_commands.rotate(config(c), name, expires)


@task(
    name="run",
    positional=["program"],
    iterable=["words"],
    help={
        "program": "codex, claude-code, opencode, … (see `inv client.list`)",
        "words": "the program's own words, handed on as they are",
        "model": "a model of the profile for the main work; default: the one that model_names gives",
        "small-model": "a model for background work; default: the one that model_names gives",
    },
)
@command
def client_run(c: Context, program: str, words: list[str] | None = None, model: str = "", small_model: str = "") -> int:
    """Start a client program against the gateway, with a key that ends with it; no file is touched."""
    from flowgate.cli import arguments, client_run

    name = arguments.named(program, "a client program")
    return client_run.run(config(c), name, words or [], model, small_model)


@task(
    name="test",
    positional=["program"],
    help={
        "program": "codex, claude-code, opencode, …",
        "question": "what to ask, in quotes; default: a greeting",
        "timeout": "seconds until the program is ended",
        "run": "lead it to the gateway as client.run does, not by its own files as client.add does",
        "json": JSON,
    },
)
@command
def client_test(
    c: Context, program: str, question: str = "", timeout: str = "120", run: bool = False, json: bool = False
) -> int:
    """Run a client program once through the gateway, in a home of its own; exit 1 when it is not answered."""
    from flowgate.cli import arguments, client_test

    name, seconds = arguments.named(program, "a client program"), arguments.seconds("timeout", timeout)
    return client_test.test(config(c), name, question, seconds, run, json)
