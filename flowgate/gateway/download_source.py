"""Where CLIProxyAPIPlus is to come from, and how a source is refused: always with the ways out as exact commands."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from flowgate.domain import Config
from flowgate.errors import EnvironmentFailure, InvalidValue, UsageError
from flowgate.gateway.release_assets import DOWNLOAD, HOME, tag

# Found in public threads about the lost repository; nobody here has read what they build.
FORKS = (("kaitranntt/CLIProxyAPIPlus", "v7.1.43-0"), ("jc01rho/CLIProxyAPIPlus", "v7.2.101-1"))
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._+-]{0,99}")
REPO = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.-]*/[0-9A-Za-z_.-]*[0-9A-Za-z_-]")


@dataclass(frozen=True, slots=True)
class Source:
    """Where the program is to come from.

    Attributes:
        file: A file of the user's own, absolute; then repository and version do not matter.
        platform: "linux_amd64".
        pinned: The sha256 that the config demands, or None.
        bases: Addresses to ask, in order.
        allow_unverified: Install even what nobody vouches for.
        command: The command that asks for just this.
        place: Where it was named in the config.
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
        """Give the release's tag."""
        return tag(self.version)

    @property
    def name(self) -> str:
        """Say what it is, for people."""
        return str(self.file) if self.file else f"{self.tag} of {self.repo}"


def choose_source(
    config: Config, platform: str, *, version: str, repo: str, file: Path | None, allow: bool, base: str
) -> Source:
    """Settle where the program is to come from: what was typed, else the config.

    Args:
        version: What was typed; empty or None for the config's.
        repo: What was typed; empty or None for the config's.
        file: What was typed; empty or None for the config's.
        allow: Install even what nobody vouches for.
        base: An address in place of GitHub's, or empty.

    Raises:
        InvalidValue: See the message.
        UsageError: See the message.
    """
    if file and (version or repo):
        raise UsageError("--from-file excludes --cliproxy-version and --cliproxy-repo", fix="type one or the other")
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


def not_found_error(missing: str, source: Source, host: str) -> EnvironmentFailure:
    """Refuse a source that is not there, with every way out as the exact command.

    Args:
        missing: "repository", or "archive" when only this release, or its archive for this platform, is not
            there.
        host: Who was asked.
    """
    what = f"there is no repository {source.repo} at {host} (it answered 404)"
    if missing == "archive":
        what = f"{source.repo} at {host} has no archive of {source.tag} for {source.platform} (it answered 404)"
    return EnvironmentFailure(what, fix=fixes(source.repo), place=source.place)


def no_archive_error(source: Source, host: str, names: Collection[str]) -> EnvironmentFailure:
    """Refuse a release whose list has no archive for this platform under a name we know."""
    listed = ", ".join(sorted(names)[:8])
    what = f"{source.tag} of {source.repo} at {host} lists no archive for {source.platform}; it lists {listed}"
    return EnvironmentFailure(what, fix=fixes(source.repo), place=source.place)


def unverified_error(source: Source, why: str) -> EnvironmentFailure:
    """Refuse what nobody vouches for, until it is asked for in so many words."""
    pin = f"bootstrap.sha256.{source.platform}"
    fix = f"pin its sha256 in the config ({pin}), or take the risk: {source.command} --allow-unverified"
    return EnvironmentFailure(
        f"nothing vouches for it: {why}, and the config pins no sha256", fix=fix, place=source.place
    )


def mismatch_error(source: Source, name: str, found: str, wanted: str, level: str) -> EnvironmentFailure:
    """Refuse an archive that is not the one that was vouched for."""
    by = f"the config (bootstrap.sha256.{source.platform})" if level == "pinned" else level
    fix = "it is not installed; try again later, or take another source: " + fixes(source.repo)
    return EnvironmentFailure(f"{name} has the sha256 {found}, but {by} says {wanted}", fix=fix, place=source.place)


def changed_error(source: Source, name: str, found: str, recorded: str, lock: Path) -> EnvironmentFailure:
    """Refuse an archive that was another one when it was installed first."""
    fix = "a release does not change; if you know why this one did, pin it in the config: "
    fix += f"bootstrap: {{sha256: {{{source.platform}: {found}}}}}"
    what = f"{name} of {source.tag} has the sha256 {found}; when it was first installed it was {recorded} ({lock})"
    return EnvironmentFailure(what, fix=fix, place=source.place)


def fixes(repo: str) -> str:
    """List what can be done when a source is lost: a file of one's own, or a fork. Nothing of it is done unasked."""
    lines = ["a file of your own, or another source; nothing else is tried unasked:"]
    lines.append(f"  {DOWNLOAD} --from-file FILE  (an archive of a release, or the program itself)")
    for fork, version in FORKS:
        if fork != repo:
            command = f"{DOWNLOAD} --cliproxy-repo {fork} --cliproxy-version {version}"
            lines.append(f"  {command}  (a community fork, not vouched for)")
    return "\n  ".join(lines)


def offline_fix() -> str:
    """Say what can be done without a network."""
    return f"{DOWNLOAD} --offline --from-file FILE, or leave out --offline"


def other_file_fix() -> str:
    """Say what can be done about a program that does not run here."""
    return f"{DOWNLOAD} --from-file FILE (built for this machine), or another --cliproxy-version"
