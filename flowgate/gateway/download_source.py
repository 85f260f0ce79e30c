"""The download source of CLIProxyAPIPlus, and the errors about it, each with the commands that fix it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from flowgate.domain import Config
from flowgate.errors import EnvironmentFailure, InvalidValue, UsageError
from flowgate.gateway.release_assets import DOWNLOAD, HOME, tag
from flowgate.gateway.upstream_sources import SOURCES, named

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}")
REPO = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]*/[0-9A-Za-z_.-]*[0-9A-Za-z_-]")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the program comes from.

    Attributes:
        repo: The repository ("owner/name").
        version: The version or tag.
        file: Absolute path of a local file; it replaces repository and version.
        platform: For example "linux_amd64".
        pinned: The SHA-256 that the config requires, or None.
        bases: Base URLs to try, in order.
        allow_unverified: Also install an archive without a checksum.
        command: The command that requests this source.
        place: Where the config names it.
    """

    repo: str
    version: str
    file: Path | None
    platform: str
    pinned: str | None
    bases: tuple[str, ...]
    allow_unverified: bool
    command: str
    place: str

    @property
    def tag(self) -> str:
        """The release's tag."""
        return tag(self.version)

    @property
    def name(self) -> str:
        """The source in words."""
        return str(self.file) if self.file else f"{self.tag} of {self.repo}"


def choose_source(
    config: Config, platform: str, *, version: str, repo: str, file: Path | None, allow: bool, base: str
) -> Source:
    """Choose the download source: the flags of the command take precedence over the config.

    Args:
        config: The config.
        platform: For example "linux_amd64".
        version: The flag's value; empty for the config's.
        repo: The flag's value; empty for the config's.
        file: The flag's value; None for the config's.
        allow: Also install an archive without a checksum.
        base: A URL instead of GitHub's, or empty.

    Raises:
        InvalidValue: A flag's value is malformed.
        UsageError: The flags exclude each other.
    """
    if file and (version or repo):
        raise UsageError("--from-file excludes --cliproxy-version and --cliproxy-repo", fix="use only one of them")
    if version and not VERSION.fullmatch(version):
        raise InvalidValue("--cliproxy-version", found=version, wanted="a release's tag (v6.8.16-0)")
    if repo and not REPO.fullmatch(repo):
        raise InvalidValue("--cliproxy-repo", found=repo, wanted="owner/name")
    wanted = config.bootstrap
    words = [DOWNLOAD, *(["--from-file", quote(str(file))] if file else [])]
    words += ["--cliproxy-repo", repo] if repo else []
    words += ["--cliproxy-version", version] if version else []
    typed = bool(version or repo or file)
    return Source(
        repo=repo or wanted.repo,
        version=version or wanted.version,
        file=file or (None if typed else wanted.file),
        platform=platform,
        pinned=wanted.sha256.get(platform),
        bases=(base or HOME, *wanted.mirrors),
        allow_unverified=allow,
        command=" ".join(words),
        place="" if typed else config.place("bootstrap.file" if wanted.file else "bootstrap.repo"),
    )


def of_name(word: str, *, version: str, repo: str, file: str) -> tuple[str, str]:
    """Return repository and release of a named source.

    Args:
        word: The name of the source; empty for none.
        version: The typed release; it takes precedence.
        repo: The typed repository.
        file: The typed file.

    Raises:
        UnknownName: There is no such source.
        UsageError: A repository or a file is typed too, or the source is gone.
    """
    if not word:
        return repo, version
    source = named(word)
    if repo or file:
        raise UsageError("--source excludes --cliproxy-repo and --from-file", fix="use only one of them")
    if source.until:
        what = f"the source '{word}' is gone: {source.repo} has answered 404 since {source.until}"
        raise UsageError(what, fix="inv bootstrap.sources lists the others")
    return source.repo, version or source.version


def is_named(config: Config) -> bool:
    """Return whether the user's config names a source; the built-in one is gone."""
    return any(f"bootstrap.{key}" in config.places for key in ("repo", "mirrors", "file"))


def install_fix(config: Config) -> str:
    """Return the command that installs a missing program.

    Args:
        config: The config.
    """
    return DOWNLOAD if is_named(config) else f"{DOWNLOAD} --source NAME (inv bootstrap.sources lists the sources)"


def not_found_error(missing: str, source: Source, host: str) -> EnvironmentFailure:
    """Return the error for a source that does not exist.

    Args:
        missing: "repository", or "archive" if only this release or its archive for this platform is missing.
        source: The source.
        host: The server that answered 404.
    """
    what = f"there is no repository {source.repo} at {host} (404)"
    if missing == "archive":
        what = f"{source.repo} at {host} has no archive of {source.tag} for {source.platform} (404)"
    return EnvironmentFailure(what, fix=fixes(source.repo), place=source.place)


def no_archive_error(source: Source, host: str, names: Collection[str]) -> EnvironmentFailure:
    """Return the error for a release that lists no archive for this platform under a known name."""
    listed = ", ".join(sorted(names)[:8])
    what = f"{source.tag} of {source.repo} at {host} lists no archive for {source.platform}; it lists {listed}"
    return EnvironmentFailure(what, fix=fixes(source.repo), place=source.place)


def unverified_error(source: Source, why: str) -> EnvironmentFailure:
    """Return the error for an archive without a checksum."""
    pin = f"bootstrap.sha256.{source.platform}"
    fix = f"pin its sha256 in the config ({pin}), or accept the risk: {source.command} --allow-unverified"
    what = f"the archive cannot be verified: {why}, and the config pins no sha256"
    return EnvironmentFailure(what, fix=fix, place=source.place)


def mismatch_error(source: Source, name: str, found: str, wanted: str, level: str) -> EnvironmentFailure:
    """Return the error for an archive with another checksum than the expected one."""
    by = f"the config (bootstrap.sha256.{source.platform})" if level == "pinned" else level
    fix = "nothing was installed; try again later, or " + fixes(source.repo)
    return EnvironmentFailure(f"{name} has the sha256 {found}, but {by} requires {wanted}", fix=fix, place=source.place)


def changed_error(source: Source, name: str, found: str, recorded: str, lock: Path) -> EnvironmentFailure:
    """Return the error for an archive whose checksum changed since its first installation."""
    fix = "releases do not normally change; if you know the reason, pin the new sha256 in the config: "
    fix += f"bootstrap: {{sha256: {{{source.platform}: {found}}}}}"
    what = f"{name} of {source.tag} has the sha256 {found}; at its first installation it was {recorded} ({lock})"
    return EnvironmentFailure(what, fix=fix, place=source.place)


def fixes(repo: str) -> str:
    """List the alternatives to a missing source, as commands: a local file, or a fork."""
    lines = ["use a local file or another source; FlowGate tries no other source by itself:"]
    lines.append(f"  {DOWNLOAD} --from-file FILE  (an archive of a release, or the program itself)")
    lines.append("  inv bootstrap.sources  (what is known about each of the following)")
    for one in SOURCES:
        if one.repo != repo and not one.until:
            lines.append(f"  {DOWNLOAD} --source {one.name}  ({one.repo} {one.version}; not audited)")
    return "\n  ".join(lines)


def offline_fix() -> str:
    """Return how to install without a network."""
    return f"{DOWNLOAD} --offline --from-file FILE, or leave out --offline"


def other_file_fix() -> str:
    """Return what to do about a program that does not run on this machine."""
    return f"{DOWNLOAD} --from-file FILE (built for this machine), or another --cliproxy-version"
