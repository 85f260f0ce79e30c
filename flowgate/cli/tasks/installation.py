"""The tasks around an installation: config, checks, backup, removal, completion."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, command, config, dry


@task(
    help={
        "southbound": "none, cliproxyapi-plus or embedded: what answers LiteLLM; default: ask on a terminal",
        "source": "where CLIProxyAPIPlus is installed from (see `inv bootstrap.sources`)",
        "here": "write into ./config, not into your config folder (in a checkout: always ./config)",
    }
)
@command
def init(c: Context, southbound: str = "", source: str = "", here: bool = False) -> int:
    """Write your own config from the examples, with fresh random keys."""
    from flowgate.cli import init as config

    return config.init(southbound, source, here)


OPENED_BY = "a private file (0600) with the passphrase; default: ask at a terminal, else the first line of stdin"


@task(positional=["file"], help={"file": "the file to write", "passphrase-file": OPENED_BY, "force": "replace it"})
@command
def backup(c: Context, file: str, passphrase_file: str = "", force: bool = False) -> int:
    """Write accounts, secrets, config and ledger into one encrypted file; the gateway may run meanwhile."""
    from flowgate.cli import arguments, backup

    return backup.backup(config(c), arguments.named(file, "a file"), passphrase_file, force, check=dry(c))


@task(
    positional=["file"],
    help={
        "file": "a file that `inv backup` wrote",
        "passphrase-file": OPENED_BY,
        "force": "replace what exists, and keep it aside",
    },
)
@command
def restore(c: Context, file: str, passphrase_file: str = "", force: bool = False) -> int:
    """Restore a backup while the gateway is stopped; all of it or nothing."""
    from flowgate.cli import arguments, restore

    return restore.restore(config(c), arguments.named(file, "a file"), passphrase_file, force, check=dry(c))


@task(help={"accounts": "delete accounts, secrets and config too", "yes": "delete it; without: only show it"})
@command
def uninstall(c: Context, accounts: bool = False, yes: bool = False) -> int:
    """Show what FlowGate has written, and with --yes delete it; take back what client programs were given."""
    from flowgate.cli import uninstall

    return uninstall.uninstall(config(c), accounts, yes and not dry(c))


@task(help={"fix": "first fix permissions, missing folders and leftovers", "json": JSON})
@command
def doctor(c: Context, fix: bool = False, json: bool = False) -> int:
    """Check everything that a start needs; exit 1 when something is wrong."""
    from flowgate.cli import doctor as preflight

    return preflight.doctor(config(c), fix, json)


@task(name="check", help={"json": JSON})
@command
def security_check(c: Context, json: bool = False) -> int:
    """Check whether a secret could leak; exit 1 when one could."""
    from flowgate.cli import security

    return security.check(config(c), json)


@task(name="install-hook")
@command
def security_hook(c: Context) -> int:
    """Write a git hook that refuses a push while `security check` fails."""
    from flowgate.cli import security

    return security.install_hook()


@task(positional=["shell"], help={"shell": "bash, zsh or fish"})
@command
def completion(c: Context, shell: str) -> int:
    """Print a shell's completion script for `flowgate`."""
    from flowgate.cli import arguments, completion

    return completion.script(arguments.named(shell, "a shell"))
