"""The tasks that install the two programs: CLIProxyAPIPlus, and versions of LiteLLM."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from flowgate.cli.tasks.definition import JSON, command, config, dry


@task(
    name="download",
    help={
        "cliproxy-version": "tag of the release; default: from the config",
        "cliproxy-repo": "owner/name of the repository; default: from the config",
        "from-file": "an archive of a release, or the program itself, instead of a download",
        "offline": "do not use the network",
        "allow-unverified": "install without a checksum",
        "source": "a known source by its name (see `inv bootstrap.sources`), instead of cliproxy-repo",
    },
)
@command
def bootstrap_download(
    c: Context,
    cliproxy_version: str = "",
    cliproxy_repo: str = "",
    from_file: str = "",
    offline: bool = False,
    allow_unverified: bool = False,
    source: str = "",
) -> int:
    """Install CLIProxyAPIPlus for this platform, and write the LiteLLM runner."""
    from flowgate.cli import play

    typed = {"version": cliproxy_version, "repo": cliproxy_repo, "from_file": from_file, "source": source}
    return play.run(
        config(c),
        "bootstrap-download",
        {**typed, "offline": offline, "allow_unverified": allow_unverified},
        event="bootstrap_download",
        check=dry(c),
    )


@task(name="sources", help={"json": JSON})
@command
def bootstrap_sources(c: Context, json: bool = False) -> int:
    """List where CLIProxyAPIPlus can be had, and what each source changes for the promises."""
    from flowgate.cli import bootstrap_sources

    return bootstrap_sources.print_sources(json)


@task(name="rollback")
@command
def bootstrap_rollback(c: Context) -> int:
    """Restore the previously installed CLIProxyAPIPlus."""
    from flowgate.cli import play

    return play.run(config(c), "bootstrap-rollback", {}, event="bootstrap_rollback", check=dry(c))


@task(name="list", help={"offline": "do not ask the package index", "json": JSON})
@command
def litellm_list(c: Context, offline: bool = False, json: bool = False) -> int:
    """List the versions of LiteLLM: installed, in force, on offer; and why some are not taken."""
    from flowgate.cli import litellm_list

    return litellm_list.list_versions(config(c), offline, json)


@task(
    name="upgrade",
    help={
        "to": "version of LiteLLM; default: the newest that is allowed",
        "wheelhouse": "a folder of wheels, instead of the index",
        "offline": "do not use the network",
        "accept-broken": "upgrade although promises are broken",
        "scenario": "rehearse only these scenarios, separated by commas; default: all",
        "prepare": "install, rehearse and import it, without handing over",
        "json": JSON,
    },
)
@command
def litellm_upgrade(
    c: Context,
    to: str = "",
    wheelhouse: str = "",
    offline: bool = False,
    accept_broken: bool = False,
    scenario: str = "",
    prepare: bool = False,
    json: bool = False,
) -> int:
    """Install another LiteLLM, rehearse every profile on it, and hand over to it without dropping a request."""
    from flowgate.cli import litellm_upgrade

    how: dict[str, str | bool] = {"version": to, "wheelhouse": wheelhouse, "offline": offline, "scenario": scenario}
    how |= {"accept_broken": accept_broken, "prepare_only": prepare}
    return litellm_upgrade.upgrade(config(c), how, as_json=json, check=dry(c))


@task(name="rollback")
@command
def litellm_rollback(c: Context) -> int:
    """Hand back to the LiteLLM that served before the last upgrade, without dropping a request."""
    from flowgate.cli import litellm_upgrade

    return litellm_upgrade.roll_back(config(c), check=dry(c))
